@maintenance
Feature: The service moves to another site before planned maintenance

  Maintenance is announced, so there is no excuse for what a disaster may cost: the service is replicated first, the other
  site serves before the first is stopped, and nobody notices more than the profile allows.

  Background:
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded

  @MS-MT-01 @MS-MT-02 @MS-MT-03 @MS-MT-04 @MS-MT-05
  Scenario: The service is moved under load
    When the service is moved to the second site for maintenance
    Then the service is replicated to the other site before it is stopped at the first
    And the move does not disturb the service beyond the margin
    And the move loses no acknowledged write
    And the second site serves before the first is stopped
    And after the move the network functions are connected the same way
    And after the move the same virtual machines are running

  @MS-MT-06
  Scenario: The link is cut as the move begins
    When as soon as the move begins, the link is cut
    And the service is moved to the second site for maintenance
    And the link heals and replication catches up
    Then the first site is not stopped without a copy

  @MS-MT-07
  Scenario: The service returns after the maintenance
    When the service is moved to the second site for maintenance
    And the service returns to the first site
    Then the way back keeps the same order
    And the way back loses no acknowledged write
    And every session survives the way back
    And after the way back the network functions are connected the same way
    And after the way back the same virtual machines are running
