@single-dc
Feature: What holds for a few members holds for many

  @MS-DC-01
  Scenario: More than a hundred members over all clouds
    Given several clouds in one data centre, each run by a VIM of its own
    And a VNF of more than a hundred members spread over all clouds
    When clients of all members use the service for a while
    Then one VNF has members in two or more clouds
