@maintenance
Feature: Something fails while the service is being moved

  A planned move can be called off, so nothing that happens meanwhile is a reason to stop a site without a copy of what it has.
  What only slows the move down must not make it lose anything.

  Background:
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded

  @MS-MT-01 @MS-MT-03 @MS-MT-04
  Scenario Outline: The service is moved to and fro, and <fault> meanwhile
    When as soon as the move begins, <disturbance>
    And the service is moved to the second site for maintenance
    And the service returns to the first site
    Then the service is replicated to the other site before it is stopped at the first
    And the move loses no acknowledged write
    And the second site serves before the first is stopped

    Examples:
      | fault                     | disturbance                                           |
      | the link is slow          | the link delays everything by 80 ms in each direction |
      | the link is unsteady      | the link jitters by 30 ms in each direction           |
      | the link is narrow        | the link carries no more than 3000 kB/s               |
      | the link is slow to close | the link closes connections 500 ms late               |

  @MS-MT-01 @MS-MT-03 @MS-MT-04
  Scenario Outline: The service is moved, and <fault> meanwhile
    When as soon as the move begins, <disturbance>
    And the service is moved to the second site for maintenance
    Then the service is replicated to the other site before it is stopped at the first
    And the move loses no acknowledged write
    And the second site serves before the first is stopped

    Examples:
      | fault            | disturbance                                        |
      | packets are lost | the WAN loses 5 % of all packets in each direction |
      | the WAN flaps    | the WAN comes and goes every 1 s                   |

  @MS-MT-06
  Scenario Outline: The service is to be moved, and <fault> as that begins
    When as soon as the move begins, <disturbance>
    And the service is moved to the second site for maintenance
    And the link heals and replication catches up
    Then the first site is not stopped without a copy

    Examples:
      | fault                                        | disturbance                                                 |
      | the link resets connections                  | the link answers everything with a reset                    |
      | the link is half open                        | the link swallows everything and keeps its connections open |
      | the link is cut in the direction of the data | the link is cut towards the second site                     |
      | the link is cut in the other direction       | the link is cut towards the first site                      |
      | the second site's database hangs             | the VNF's database at the second site hangs for 20 s        |
