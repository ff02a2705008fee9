package dev.understudy.evidence.tally;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.NoiseSample;
import dev.understudy.proto.v1.ToleranceLearned;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ToleranceLearnerTest {
  private static NoiseSample sample(String output, double absolute, double relative) {
    return NoiseSample.newBuilder()
        .setOutput(output)
        .setMaxAbs(absolute)
        .setMaxRel(relative)
        .build();
  }

  /** The tolerance learned from so many samples, the i-th times i + 1. */
  private static ToleranceLearned learn(double absolute, double relative) {
    ToleranceLearner learner = new ToleranceLearner();
    for (int i = 1; i < ToleranceLearner.PAIRS; i++) {
      assertEquals(Optional.empty(), learner.offer(sample("y", absolute * i, relative * i)));
    }
    return learner
        .offer(sample("y", absolute * ToleranceLearner.PAIRS, relative * ToleranceLearner.PAIRS))
        .orElseThrow();
  }

  @Test
  void roundingIsLearnedAsARelativeTolerance() {
    ToleranceLearned learned = learn(1, 1e-6);
    assertEquals("y", learned.getOutput());
    assertEquals(200, learned.getPairs());
    assertEquals(2 * 198e-6, learned.getRtol(), 1e-12);
    assertEquals(0, learned.getAtol());
  }

  @Test
  void numbersAroundZeroHaveAnAbsoluteTolerance() {
    ToleranceLearned learned = learn(1e-3, Double.POSITIVE_INFINITY);
    assertEquals(2 * 0.198, learned.getAtol(), 1e-12);
    assertEquals(0, learned.getRtol());
  }

  @Test
  void aChampionThatContradictsItselfTeachesNothing() {
    double infinite = Double.POSITIVE_INFINITY;
    ToleranceLearned learned = learn(infinite, infinite);
    assertEquals(0, learned.getAtol());
    assertEquals(0, learned.getRtol());
    ToleranceLearned nan = learn(Double.NaN, Double.NaN);
    assertEquals(0, nan.getAtol());
    ToleranceLearned overflow = learn(Double.MAX_VALUE / 200, infinite);
    assertEquals(0, overflow.getAtol());
  }

  @Test
  void anOutputIsLearnedOnceAndNotWhatIsKnown() {
    ToleranceLearner learner = new ToleranceLearner();
    learner.known(ToleranceLearned.newBuilder().setOutput("known").build());
    List<ToleranceLearned> learned = new ArrayList<>();
    for (int i = 0; i < 3 * ToleranceLearner.PAIRS; i++) {
      for (String output : List.of("known", "a", "b")) {
        learner.offer(sample(output, 1, 1)).ifPresent(learned::add);
      }
    }
    assertEquals(List.of("a", "b"), learned.stream().map(ToleranceLearned::getOutput).toList());
  }

  @Test
  void namesThatChangeFillNoMemory() {
    ToleranceLearner learner = new ToleranceLearner();
    for (int i = 0; i < 1_000; i++) {
      for (int k = 0; k < ToleranceLearner.PAIRS; k++) {
        boolean learned = learner.offer(sample("y" + i, 1, 1)).isPresent();
        assertEquals(i < Plans.MOST_OUTPUTS && k == ToleranceLearner.PAIRS - 1, learned);
      }
    }
  }

  /** The promise: nearly all later pairs lie within, whatever the noise looks like. */
  @Test
  void nearlyAllLaterControlPairsLieWithin() {
    SplittableRandom random = new SplittableRandom(11);
    int runs = 200;
    int short99 = 0;
    for (int run = 0; run < runs; run++) {
      ToleranceLearner learner = new ToleranceLearner();
      Optional<ToleranceLearned> learned = Optional.empty();
      while (learned.isEmpty()) {
        learned = learner.offer(sample("y", 0, noise(random)));
      }
      double tolerance = learned.orElseThrow().getRtol();
      int within = 0;
      for (int i = 0; i < 1_000; i++) {
        within += noise(random) <= tolerance ? 1 : 0;
      }
      short99 += within < 990 ? 1 : 0;
    }
    assertTrue(short99 <= runs / 20, short99 + " of " + runs + " runs cover less than 99 %");
  }

  /** Log-normal: a heavier tail than rounding has. */
  private static double noise(SplittableRandom random) {
    return 1e-5 * StrictMath.exp(0.5 * random.nextGaussian());
  }
}
