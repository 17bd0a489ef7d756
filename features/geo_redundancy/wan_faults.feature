@geo-redundancy
Feature: Replication outlives what happens to packets on the way

  A path for one service can be delayed or cut; it cannot lose a packet. What lies between two sites can, and it carries
  everything that passes between them. These faults need sites whose packets can be got at, such as the lab's in namespaces
  mode; elsewhere they are left out, and what they would have shown stays open.

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
      | fault                                  | disturbance                                                        |
      | Packets are lost                       | the WAN loses 5 % of all packets in each direction                 |
      | Packets come out of order              | the WAN reorders 20 % of all packets in each direction             |
      | Packets arrive damaged                 | the WAN damages 3 % of all packets in each direction               |
      | Long packets vanish                    | the WAN takes no packet longer than 1000 bytes and tells nobody    |
      | All packets stop in one direction      | the WAN is cut towards the second site                             |
