@geo-redundancy
Feature: Two things fail at once

  What goes wrong at a site and what goes wrong on the way to it often have one cause.

  Background:
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded

  @MS-GR-14
  Scenario Outline: <both>
    When <one>
    And <other>
    And the <ill> site is well again
    And the link heals and replication catches up
    And everything is read back at the second site
    Then replication catches up when the link heals, and nothing is lost or doubled

    Examples:
      | both                                                    | one                                                         | other                                                            | ill    |
      | The link is cut and the first site's API silent         | the link is cut                                             | the API of the first site falls silent                           | first  |
      | The link is half open and the second site's API errs    | the link swallows everything and keeps its connections open | the API of the second site answers with errors                   | second |
      | The link is slow and the first site's database hangs    | the link delays everything by 80 ms in each direction       | the VNF's database at the first site hangs for 2 s               | first  |
      | The link stalls and the second site's database restarts | the link stalls and stays stalled for 2 s                   | the VNF's database at the second site is killed and starts again | second |

  @MS-GR-14
  Scenario: The link is slow, narrow and unsteady
    When the link delays everything by 80 ms in each direction
    And the link jitters by 30 ms in each direction
    And the link carries no more than 50 kB/s
    And the link heals and replication catches up
    And everything is read back at the second site
    Then replication catches up when the link heals, and nothing is lost or doubled
