@geo-redundancy
Feature: Replication does not slow the service in normal operation

  Protection that costs more than the operator declared he would pay is none he wants. What it costs is measured against
  its absence, in blocks of load with and without it, one next to the other in a drawn order.

  @MS-GR-08
  Scenario: The service with and without replication
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service as fast as it answers while every request is recorded
    When replication is switched off and on in a drawn order
    Then replication does not slow the service beyond the margin
