@geo-redundancy
Feature: A site that is ill is not a site that is lost

  Most of what happens to a cloud is not its loss: its API hangs, a service of it dies, a machine stands still for a moment.
  The VNF's guests go on meanwhile, or right after, and clients are being served. Or one of them starts anew, and cannot know
  whether it is still the one to serve. A mechanism that takes such a site for lost makes
  both sites active. One that cannot do without the ill site's API is of no use when that site is lost in the end.

  Background:
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
    And it is watched which site is active

  @MS-GR-13 @MS-GR-05
  Scenario Outline: <fault>
    When <disturbance>
    And the VNF is told to fail over although the first site still serves
    Then never do two sites hold the same identity at once
    And no acknowledged write is lost

    Examples:
      | fault                                      | disturbance                                     |
      | The first site's API falls silent          | the API of the first site falls silent          |
      | The first site's API answers with errors   | the API of the first site answers with errors   |
      | The first site's compute service is killed | the compute service of the first site is killed |

  @MS-GR-13 @MS-GR-05
  Scenario: The VNF's database at the first site hangs while the VNF is told to fail over
    When as soon as the failover begins, the VNF's database at the first site hangs for 8 s
    And the VNF is told to fail over although the first site still serves
    Then never do two sites hold the same identity at once
    And no acknowledged write is lost

  @MS-GR-13 @MS-GR-05
  Scenario: The VNF's database at the first site is killed and starts again
    When the VNF's database at the first site is killed and starts again
    And the VNF fails over to the second site
    Then never do two sites hold the same identity at once
    And no acknowledged write is lost

  @MS-GR-01 @MS-GR-02 @MS-GR-03 @MS-GR-05 @MS-GR-13
  Scenario: The first site is lost when its API has been silent for a while
    When the API of the first site falls silent
    And the first site is lost without warning
    And the VNF fails over to the second site
    Then the second site's VIM works on its own
    And the service is back at the second site within the recovery time objective
    And every session survives
    And no acknowledged write is lost
    And never do two sites hold the same identity at once
