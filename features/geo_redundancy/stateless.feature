@geo-redundancy
Feature: VNFs with and without state have different needs, and both are met

  A stateful VNF must come back as it was. One that keeps no state need not be replicated at all: its machines are started
  at the other site, in their initial state. Both kinds run side by side on the same two sites.

  @MS-GR-04
  Scenario: The site of a stateless VNF is lost
    Given two sites, each run by a VIM of its own
    And a stateless VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
    When the first site is lost without warning
    And the VNF fails over to the second site
    Then the virtual machines start at the second site in their initial state

  @MS-GR-12 @MS-GR-02 @MS-GR-03 @MS-GR-05
  Scenario: A stateful and a stateless VNF lose their site together
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And a stateless VNF beside it, protected at the second site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
    When the first site is lost without warning
    And the VNF fails over to the second site
    Then the service is back at the second site within the recovery time objective
    And every session survives
    And no acknowledged write is lost
