@geo-redundancy
Feature: A VNF that is not highly available by itself survives the loss of a site, too

  Not every network function can be made of redundant parts. One that is a single virtual machine has nothing but the
  other site, and the same is asked for it.

  @MS-GR-10 @MS-GR-02 @MS-GR-03 @MS-GR-05 @MS-GR-06 @MS-GR-07
  Scenario: The site of a single virtual machine is lost
    Given two sites, each run by a VIM of its own
    And a VNF of a single VM serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
    When the first site is lost without warning
    And the VNF fails over to the second site
    Then the service is back at the second site within the recovery time objective
    And every session survives
    And no acknowledged write is lost
    And the network functions are connected the same way as before
    And the same virtual machines are running in the same roles
