@geo-redundancy
Feature: Replication outlives whatever happens to the link, and in whatever order

  Faults do not come one at a time with hours between them. A nemesis draws disturbances of the link from the run's seed, one
  after the other, some of them before replication has recovered from the one before. What it drew is kept as schedule.json in
  the scenario's folder; `multisite-ha run --schedule` replays it.

  @MS-GR-14
  Scenario: Whatever the nemesis does
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
    When a nemesis disturbs the link for 20 s
    And the link heals and replication catches up
    And everything is read back at the second site
    Then replication catches up when the link heals, and nothing is lost or doubled
