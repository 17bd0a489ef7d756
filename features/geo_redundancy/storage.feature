@geo-redundancy
Feature: The storage replicates instead of the VNF

  Not every VNF replicates its state itself. Where the storage does it, the same is asked: what was acknowledged to whoever
  wrote it is at the other site, and that site's cloud can go on with it.

  Background:
    Given two sites, each run by a VIM of its own
    And a volume that the storage replicates to the second site while it is written to

  @MS-GR-11
  Scenario: The first site is lost
    When the first site is lost without warning
    And the second site takes the volume over
    Then the copy of the volume is the volume, with every acknowledged write

  @MS-GR-11
  Scenario: The first site is lost after the link of the storage stalled
    When the link stalls and stays stalled for 2 s
    And the first site is lost without warning
    And the second site takes the volume over
    Then the copy of the volume is the volume, with every acknowledged write
    And the copy of the volume is what the volume was at one instant

  @MS-GR-11
  Scenario: The first site is lost while its storage is slow
    When the storage of the first site is slow
    And the first site is lost without warning
    And the second site takes the volume over
    Then the copy of the volume is the volume, with every acknowledged write
