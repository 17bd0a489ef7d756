@geo-redundancy
Feature: The site that takes over has no room left for volumes

  Storage that somebody else has filled is found out when it is needed. Whatever the second site needs to take over was set
  aside there when the VNF, or its volume, was protected; so a failover must not ask for more, and must not be refused.

  @MS-GR-02 @MS-GR-03 @MS-GR-05
  Scenario: The first site is lost while the storage of the second is full
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
    When the storage of the second site is full
    And the first site is lost without warning
    And the VNF fails over to the second site
    Then the service is back at the second site within the recovery time objective
    And every session survives
    And no acknowledged write is lost

  @MS-GR-11
  Scenario: The first site is lost with a volume that the storage replicates, while the storage of the second site is full
    Given two sites, each run by a VIM of its own
    And a volume that the storage replicates to the second site while it is written to
    When the storage of the second site is full
    And the first site is lost without warning
    And the second site takes the volume over
    Then the copy of the volume is the volume, with every acknowledged write
