@single-dc
Feature: One VNF lives in several clouds of one data centre

  A data centre that is larger than one cloud holds several. A VNF can have members in all of them, as if they were one;
  when a cloud is full, the next one takes the rest.

  @MS-DC-01 @MS-DC-02
  Scenario: Members in every cloud
    Given several clouds in one data centre, each run by a VIM of its own
    And a VNF with members spread over all clouds
    When clients of all members use the service for a while
    Then one VNF has members in two or more clouds
    And members in different clouds reach exactly whom they would reach in one cloud

  @MS-DC-03 @MS-DC-01
  Scenario: The first cloud is full
    Given several clouds in one data centre, each run by a VIM of its own
    And a VNF that is larger than one cloud
    When clients of all members use the service for a while
    Then the VNF reaches its full number of machines though the first cloud is full
    And one VNF has members in two or more clouds

  @MS-DC-04
  Scenario: One of the clouds is lost
    Given several clouds in one data centre, each run by a VIM of its own
    And a VNF with members spread over all clouds
    And clients of all members use the service for a while
    When the first site is lost without warning
    And clients of all members use the service for a while
    Then the members in the other clouds keep serving
