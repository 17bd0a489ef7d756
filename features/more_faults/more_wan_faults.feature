@geo-redundancy
Feature: Replication outlives whatever else happens to packets on the way

  The packets between two sites are not only lost or damaged: they come late, or twice, or few at a time, or not at all. Like
  those, these faults need sites whose packets can be got at; elsewhere they are left out.

  Background:
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded

  @MS-GR-14
  Scenario Outline: <fault>
    When <disturbance>
    And the link heals and replication catches up
    And everything is read back at the second site
    Then replication catches up when the link heals, and nothing is lost or doubled

    Examples:
      | fault                                | disturbance                                                                 |
      | Packets come late                    | the WAN delays every packet by 60 ms, give or take 20 ms, in each direction |
      | Packets come twice                   | the WAN doubles 10 % of all packets in each direction                       |
      | Few packets pass at a time           | the WAN carries no more than 1000 kbit/s in each direction                  |
      | No packet passes                     | the WAN is cut                                                              |
      | Packets pass and do not pass in turn | the WAN comes and goes every 2 s                                            |
