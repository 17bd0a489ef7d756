@geo-redundancy
Feature: A cut link does not make two active sites of one

  Seen from the second site, a cut link looks like the loss of the first. A mechanism that takes it for that makes both
  sites active, and what one of them acknowledges is lost when they meet again.

  @MS-GR-13
  Scenario: The link is cut and the VNF is told to fail over although the first site serves on
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
    And it is watched which site is active
    When the link is cut
    And the VNF is told to fail over although the first site still serves
    And the link heals and replication catches up
    Then never do two sites hold the same identity at once
    And no acknowledged write is lost when the link heals
    And every register reads as if there were one copy
