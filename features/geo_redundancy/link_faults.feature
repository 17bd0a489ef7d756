@geo-redundancy
Feature: Replication outlives every fault of the link between the sites

  The sites are far apart, so the link between them is what fails most. Whatever it does while the service runs, the
  service must not lose or double anything by it, and once the link is well again the second site must have everything:
  what was acknowledged is read back there, at the site that was behind.

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
      | fault                                         | disturbance                                               |
      | The link is slow                              | the link delays everything by 80 ms in each direction     |
      | The link is unsteady                          | the link jitters by 30 ms in each direction               |
      | The link is narrow                            | the link carries no more than 50 kB/s                     |
      | The link stalls                               | the link stalls and stays stalled for 3 s                 |
      | The link resets connections                   | the link answers everything with a reset                  |
      | The link is half open                         | the link swallows everything and keeps its connections open |
      | The link is slow to close                     | the link closes connections 500 ms late                   |
      | The link is cut in the direction of the data  | the link is cut towards the second site                   |
      | The link is cut in the other direction        | the link is cut towards the first site                    |
      | The link is cut                               | the link is cut                                           |
      | The link flaps                                | the link comes and goes every 1 s                         |
