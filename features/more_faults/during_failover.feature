@geo-redundancy
Feature: Something else fails while the VNF fails over

  A failover is begun because something is wrong, and what is wrong seldom stays as it was. The link can be in any state while
  somebody finds out whether the first site is lost; and the site that takes the service over can be ill itself.

  Background:
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded

  @MS-GR-13
  Scenario Outline: The VNF is told to fail over without need, and the link <fault> meanwhile
    Given it is watched which site is active
    When as soon as the failover begins, <disturbance>
    And the VNF is told to fail over although the first site still serves
    And the link heals and replication catches up
    Then never do two sites hold the same identity at once
    And no acknowledged write is lost when the link heals

    Examples:
      | fault                               | disturbance                                                 |
      | is slow                             | the link delays everything by 80 ms in each direction       |
      | is unsteady                         | the link jitters by 30 ms in each direction                 |
      | is narrow                           | the link carries no more than 50 kB/s                       |
      | resets connections                  | the link answers everything with a reset                    |
      | is half open                        | the link swallows everything and keeps its connections open |
      | is slow to close                    | the link closes connections 500 ms late                     |
      | is cut in the direction of the data | the link is cut towards the second site                     |
      | is cut in the other direction       | the link is cut towards the first site                      |
      | flaps                               | the link comes and goes every 1 s                           |
      | loses packets                       | the WAN loses 5 % of all packets in each direction          |

  @MS-GR-02 @MS-GR-03 @MS-GR-05
  Scenario Outline: The first site is lost, and during the failover <fault>
    When as soon as the failover begins, <disturbance>
    And the first site is lost without warning
    And the VNF fails over to the second site
    And the second site is well again
    Then the service is back at the second site within the recovery time objective
    And every session survives
    And no acknowledged write is lost

    Examples:
      | fault                                       | disturbance                                         |
      | the second site's API falls silent          | the API of the second site falls silent             |
      | the second site's API answers with errors   | the API of the second site answers with errors      |
      | the second site's compute service is killed | the compute service of the second site is killed    |
      | the second site's database hangs            | the VNF's database at the second site hangs for 2 s |
