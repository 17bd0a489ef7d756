@geo-redundancy
Feature: A fault of the software does not take both sites

  Replication is blind: what ruins the data at one site is at the other a moment later, and so is a message on which every
  program that reads it dies. The redundant site is worth something against such a fault only if it can go back to a state from
  before it, and says what that costs.

  @MS-GR-09
  Scenario: A faulty update ruins every record and is replicated
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
    When the present state is kept as a savepoint
    And a faulty update ruins every record and is replicated
    And the second site goes back to the savepoint
    Then a clean state is regained at the second site, and what was given up for it is stated

  @MS-GR-09
  Scenario: A message ends whatever reads it, at both sites
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
    When the present state is kept as a savepoint
    And a message that ends whatever reads it is sent and replicated
    And the second site goes back to the savepoint
    Then a clean state is regained at the second site, and what was given up for it is stated
