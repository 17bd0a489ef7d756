@geo-redundancy
Feature: The VNF survives the sudden loss of a whole site

  A stateful VNF is served from the first of two sites and protected at the second. Then the first site is lost as in a
  flood or an earthquake: all of it at once, the cloud and the VMs on it, with nobody given the time to shut anything down.
  How well the VNF comes through depends on the state the link between the sites was in at that moment, so the same loss is
  played through over a clean link, a long one, and one on which replication had already come to a halt.

  Background:
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded

  @MS-GR-01 @MS-GR-02 @MS-GR-03 @MS-GR-05 @MS-GR-06 @MS-GR-07
  Scenario: The first site is lost while the link is clean
    When the first site is lost without warning
    And the VNF fails over to the second site
    Then the second site's VIM works on its own
    And the service is back at the second site within the recovery time objective
    And every session survives
    And no acknowledged write is lost
    And the network functions are connected the same way as before
    And the same virtual machines are running in the same roles

  @MS-GR-01 @MS-GR-02 @MS-GR-03 @MS-GR-05 @MS-GR-06 @MS-GR-07
  Scenario: The first site is lost while the link delays by 80 ms
    When the link delays everything by 80 ms in each direction
    And the first site is lost without warning
    And the VNF fails over to the second site
    Then the second site's VIM works on its own
    And the service is back at the second site within the recovery time objective
    And every session survives
    And no acknowledged write is lost
    And the network functions are connected the same way as before
    And the same virtual machines are running in the same roles

  @MS-GR-01 @MS-GR-02 @MS-GR-03 @MS-GR-05 @MS-GR-06 @MS-GR-07
  Scenario: The first site is lost after the link stalled for 2 s
    When the link stalls and stays stalled for 2 s
    And the first site is lost without warning
    And the VNF fails over to the second site
    Then the second site's VIM works on its own
    And the service is back at the second site within the recovery time objective
    And every session survives
    And no acknowledged write is lost
    And the network functions are connected the same way as before
    And the same virtual machines are running in the same roles
