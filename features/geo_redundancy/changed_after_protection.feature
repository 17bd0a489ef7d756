@geo-redundancy
Feature: What changes after the VNF was protected is found again at the other site

  A protection is made once, and the VNF goes on being changed. What its operator did at the first site since then must hold
  at the second when the first is lost.

  @MS-GR-06
  Scenario Outline: <what> after the VNF was protected
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded
    When <change>
    And the protection is given time to follow
    And the first site is lost without warning
    And the VNF fails over to the second site
    Then the network functions are connected the same way as before

    Examples:
      | what                  | change                                                          |
      | A rule is added       | a rule is added for the VNF's service at the first site         |
      | An address is allowed | the VNF's database at the first site is allowed another address |
