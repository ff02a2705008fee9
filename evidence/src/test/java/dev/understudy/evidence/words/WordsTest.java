package dev.understudy.evidence.words;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.understudy.evidence.words.Words.Outlook;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.SliceLabel;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WordsTest {
  private static final Pattern JARGON =
      Pattern.compile(
          "\\b(A1|A2|A3|B1|B5|C1|C3|SRM|e-process|e-value|null hypothesis|supermartingale|alpha"
              + "|beta|p-value|IPW)\\b",
          Pattern.CASE_INSENSITIVE);
  private static final double STOP = Math.log(100);

  private static MetricSpec metric(MetricKind kind, double margin, double limit) {
    return MetricSpec.newBuilder()
        .setName("m")
        .setKind(kind)
        .setMargin(margin)
        .setLimit(limit)
        .setQuantile(0.95)
        .build();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          FAILURES          | 0.01  | proved: errors at most 1 point higher
          FAILURES          | 0.005 | proved: errors at most 0.5 points higher
          FAILURES          | 0     | proved: errors no more frequent
          LATENCY           | 0.25  | proved: latency (95th percentile) at most 25 % higher
          DIVERGENCE        | 0.02  | proved: answers differ by at most 0.02 on average (scale 0 to 1)
          CHANGED_DECISIONS | 0.1   | proved: at most 10 % of decisions change (mean over requests)
          QUALITY           | 0.002 | proved: mean loss at most 0.002 higher
          QUALITY           | -0.01 | proved: mean loss at least 0.01 lower
          """)
  void saysWhatIsProved(MetricKind kind, double margin, String words) {
    assertEquals(words, Words.proved(metric(kind, margin, 1)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          -1     | evidence against: none (stops at 100×)
          0.7    | evidence against: 2× (stops at 100×)
          3.7136 | evidence against: 41× (stops at 100×)
          4.605  | evidence against: 99× (stops at 100×)
          60     | evidence against: over 1,000,000× (stops at 100×)
          """)
  void saysHowStrongTheEvidenceAgainstIs(double log, String words) {
    assertEquals(words, Words.evidenceAgainst(log, STOP));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          FAILURES | false | 3127 | 40   | needs about 3,100 more requests, 40 s at this rate
          FAILURES | true  | 96   | 0    | needs about 96 more compared requests
          LATENCY  | false | 22   | 22   | needs about 22 more seconds of traffic, 22 s at this rate
          QUALITY  | true  | 8000 | 7300 | needs about 8,000 more outcomes, 2 h at this rate
          """)
  void saysWhatIsNeeded(
      MetricKind kind, boolean shadow, long observations, double seconds, String words) {
    assertEquals(
        words, Words.undecided(kind, shadow, new Outlook.Needs(observations, seconds), 0, STOP));
  }

  @Test
  void putsEvidenceAgainstBeforeWhatIsNeeded() {
    assertEquals(
        "evidence against: 41× (stops at 100×); no requests yet",
        Words.undecided(
            MetricKind.FAILURES, false, new Outlook.NothingYet(), Math.log(41.5), STOP));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ZERO_ONE | 0.01 | wrong decisions at most 1 point more frequent | wrong decisions more than 1 point more frequent
          ZERO_ONE | -0.02 | wrong decisions at least 2 points less frequent | wrong decisions not at least 2 points less frequent
          ZERO_ONE | 0 | wrong decisions no more frequent | wrong decisions more frequent
          LOG | 0.02 | mean log loss at most 0.02 higher | mean log loss more than 0.02 higher
          VALUE | 3 | decisions worth at most 3 less each | decisions worth more than 3 less each
          VALUE | -3 | decisions worth at least 3 more each | decisions not worth at least 3 more each
          BRIER | -0.01 | mean loss at least 0.01 lower | mean loss not at least 0.01 lower
          """)
  void saysWhatIsLostInTheUnitOfTheLoss(Loss loss, double margin, String claim, String reproach) {
    MetricSpec metric =
        metric(MetricKind.QUALITY, margin, margin).toBuilder().setLoss(loss).build();
    assertEquals(claim, Words.claim(metric));
    assertEquals(reproach, Words.reproach(metric));
  }

  @Test
  void saysWhatIsOfASlice() {
    assertEquals(
        "country=UY: errors 3.1 % instead of 0.4 %",
        SliceWords.of(
            SliceLabel.newBuilder().setSlice("country").setValue("UY").build(),
            SliceWords.failures(0.031, 0.004)));
    assertEquals(
        "95th percentile 12 ms instead of 8.5 ms", SliceWords.latency(0.95, 0.012, 0.0085));
    assertEquals("12 % of decisions change, over all slices 3 %", SliceWords.changed(0.12, 0.03));
    assertEquals(
        "wrong decisions 5 % instead of 4 %", SliceWords.quality(Loss.ZERO_ONE, 0.05, 0.04));
    assertEquals("mean log loss 0.5 instead of 0.4", SliceWords.quality(Loss.LOG, 0.5, 0.4));
  }

  @Test
  void saysWhyNothingCanBeSaid() {
    assertEquals(
        "latency cannot be judged: no control arm",
        Words.cannotMeasure(MetricKind.LATENCY, "no control arm"));
  }

  @Test
  void saysWhatIsHeldAgainstTheChallenger() {
    assertEquals(
        "against: the challenger fails more often than the champion; evidence against: 120×"
            + " (stops at 100×)",
        Words.against(metric(MetricKind.FAILURES, 0.01, 1), Math.log(120.5), STOP));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          0.2    | 1 s
          40     | 40 s
          300    | 5 min
          9000   | 3 h
          400000 | 5 days
          """)
  void roundsDurations(double seconds, String words) {
    assertEquals(words, Numbers.duration(seconds));
  }

  @Test
  void usesNoJargonAnywhere() {
    List<String> all = new ArrayList<>();
    for (MetricKind kind : MetricKind.values()) {
      if (kind == MetricKind.UNRECOGNIZED) {
        continue;
      }
      MetricSpec metric = metric(kind, 0.01, 1.5);
      all.add(Words.proved(metric));
      all.add(Words.against(metric, 5, STOP));
      all.add(Words.cannotMeasure(kind, "no control arm"));
      all.add(Words.flipsUndecided(metric, 1, 3, STOP));
      for (Outlook outlook :
          List.of(new Outlook.Needs(5, 5), new Outlook.NothingYet(), new Outlook.NotAtThisRate())) {
        all.add(Words.undecided(kind, true, outlook, 2, STOP));
        all.add(Words.undecided(kind, false, outlook, 2, STOP));
      }
    }
    all.add(Words.claimByKey(0, 60));
    all.add(Words.claimByKey(0.01, 60));
    all.add(Words.claimAboveNoise(0.01));
    all.add(Words.reproachAboveNoise(0.01));
    all.add(Words.noTriplesYet());
    all.add(Words.outcomesDependOnDecision(true));
    all.add(Words.outcomesDependOnDecision(false));
    all.add(Words.outcomesDependOnArm());
    all.add(SliceWords.divergence(0.1, Double.NaN));
    all.add(SliceWords.divergenceAboveNoise(0.1, Double.NaN));
    all.add(SliceWords.changed(0.1, Double.NaN));
    all.add(Words.flipsProved(4, 3, STOP));
    all.add(Words.flipsAgainst());
    all.add(Words.splitHolds(0.05, 0.05));
    all.add(Words.splitHolds(Double.NaN, Double.NaN));
    all.add(Words.splitWrong(0.07, 0.05));
    all.add(Words.failuresInARow(20, 20));
    all.add(Words.notFiniteInARow(20, 20));
    for (Words.Overall overall : Words.Overall.values()) {
      all.add(Words.overall(overall, "detail", 1, STOP));
    }
    for (String words : all) {
      assertFalse(JARGON.matcher(words).find(), words);
      assertFalse(words.contains("NaN"), words);
    }
  }
}
