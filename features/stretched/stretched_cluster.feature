@geo-redundancy
Feature: One cluster over three sites protects itself

  Not every mechanism copies a VNF from one site to another. A cluster whose members are at several sites from the start,
  with a third one to say who is in the minority, is asked the same: the loss of the primary's site costs nothing that was
  acknowledged, and a primary that is cut off from all others does not go on beside the one that they agree on.

  Background:
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded

  @MS-GR-01 @MS-GR-02 @MS-GR-03 @MS-GR-05 @MS-GR-06 @MS-GR-07
  Scenario: The site of the primary is lost
    When the first site is lost without warning
    And the VNF fails over to the second site
    Then the second site's VIM works on its own
    And the service is back at the second site within the recovery time objective
    And every session survives
    And no acknowledged write is lost
    And the network functions are connected the same way as before
    And the same virtual machines are running in the same roles

  @MS-GR-01 @MS-GR-02 @MS-GR-03 @MS-GR-05
  Scenario: The site of the primary is lost when nothing of it has reached the second site for a while
    When the WAN is cut towards the second site
    And the first site is lost without warning
    And the VNF fails over to the second site
    Then the second site's VIM works on its own
    And the service is back at the second site within the recovery time objective
    And every session survives
    And no acknowledged write is lost

  @MS-GR-13
  Scenario: The site of the primary is cut off from all others
    Given it is watched which site is active
    When the first site is cut off from all others
    And the VNF fails over to the second site
    And the link heals and replication catches up
    Then never do two sites hold the same identity at once
    And no acknowledged write is lost when the link heals
    And every register reads as if there were one copy
