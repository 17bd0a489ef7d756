@geo-redundancy
Feature: The service returns to the repaired site

  Redundancy that is spent after its first use is none. When the lost site has been repaired, it is brought up to date
  from the one that served meanwhile, and takes the service back with the same guarantees.

  @MS-GR-15 @MS-GR-05
  Scenario: The first site is lost, repaired, and serves again
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
    When the first site is lost without warning
    And the VNF fails over to the second site
    And the first site is repaired
    And the service returns to the first site
    Then the return to the repaired site keeps the same order
    And the return to the repaired site loses no acknowledged write
    And every session survives the return to the repaired site
    And after the return to the repaired site the network functions are connected the same way
    And after the return to the repaired site the same virtual machines are running
    And no acknowledged write is lost
