@geo-redundancy
Feature: More of what goes wrong with the VNF's own software

  What whoever runs a VNF does to it at one site is at the other a moment later, mistakes as well. And a program that dies
  on a machine that goes on is not a site that is lost.

  Background:
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded

  @MS-GR-09
  Scenario: A configuration makes the VNF refuse to work, at both sites
    When the present state is kept as a savepoint
    And a configuration under which the VNF refuses to work is pushed and replicated
    And the second site goes back to the savepoint
    Then a clean state is regained at the second site, and what was given up for it is stated

  @MS-GR-13 @MS-GR-05
  Scenario: The process of a front-end at the first site is killed
    Given it is watched which site is active
    When the process of a front-end at the first site is killed
    And the VNF is told to fail over although the first site still serves
    Then never do two sites hold the same identity at once
    And no acknowledged write is lost
