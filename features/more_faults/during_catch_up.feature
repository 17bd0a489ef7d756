@geo-redundancy
Feature: The link fails again while replication catches up

  A link that comes back does not always stay. What it does next meets replication while that is still behind, which is when
  a mechanism may lose or double something. The link is a narrow one here, so that catching up takes its time, and was cut.

  Background:
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded

  @MS-GR-14
  Scenario Outline: While replication catches up over a narrow link, <fault>
    When the link carries no more than 20 kB/s
    And the link is cut
    And the link comes back, and while replication catches up, <disturbance>
    And the link heals and replication catches up
    And everything is read back at the second site
    Then replication catches up when the link heals, and nothing is lost or doubled

    Examples:
      | fault                                  | disturbance                                                 |
      | it is slow                             | the link delays everything by 80 ms in each direction       |
      | it is unsteady                         | the link jitters by 30 ms in each direction                 |
      | it stalls                              | the link stalls and stays stalled for 3 s                   |
      | it resets connections                  | the link answers everything with a reset                    |
      | it is half open                        | the link swallows everything and keeps its connections open |
      | it is slow to close                    | the link closes connections 500 ms late                     |
      | it is cut in the direction of the data | the link is cut towards the second site                     |
      | it is cut in the other direction       | the link is cut towards the first site                      |
      | it is cut again                        | the link is cut                                             |
      | it flaps                               | the link comes and goes every 1 s                           |
      | packets are lost                       | the WAN loses 5 % of all packets in each direction          |
