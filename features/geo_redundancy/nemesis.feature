@geo-redundancy
Feature: Replication outlives whatever happens to the link, and in whatever order

  Faults do not come one at a time with hours between them. A nemesis draws disturbances from the run's seed, one after the
  other, some of them before replication has recovered from the one before: of the link, or of the link and, in between, of
  what the sites file allows and of the VNF's guests. What it drew is kept as schedule.json in the scenario's folder;
  `multisite-ha run --schedule` replays it.

  @MS-GR-14
  Scenario Outline: <what>
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
    When <disturbance>
    And the link heals and replication catches up
    And everything is read back at the second site
    Then replication catches up when the link heals, and nothing is lost or doubled

    Examples:
      | what                                          | disturbance                                                     |
      | Whatever the nemesis does                     | a nemesis disturbs the link for 20 s                            |
      | Whatever the nemesis does to link, sites, VNF | a nemesis disturbs the link, the sites and the VNF for 30 s     |
