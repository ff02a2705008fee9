package dev.understudy.router.patterns;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.tensor.InferRequestView;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A copier against a linear model of 30 features, among callers of several ordinary kinds. */
class PatternsTest {
  private static final int WIDTH = 30;
  private static final double CUTOFF = 0.5;
  private static final long SECOND = 1_000_000_000L;

  private final Random random = new Random(42);
  private final double[] weights = random.doubles(WIDTH, -1, 1).toArray();
  private long now = SECOND;

  private Patterns patterns(double throttle) {
    return new Patterns(
        new PatternSettings(1000, 4, 0.02, 5, Duration.ofHours(1), throttle), 12345);
  }

  static InferRequestView request(double... row) {
    ByteBuffer data = ByteBuffer.allocate(row.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : row) {
      data.putFloat((float) value);
    }
    return InferRequestView.parse(
        ByteBuffer.wrap(
            ModelInferRequest.newBuilder()
                .setModelName("fraud")
                .setId("id" + System.identityHashCode(data))
                .addInputs(
                    ModelInferRequest.InferInputTensor.newBuilder()
                        .setName("x")
                        .setDatatype("FP32")
                        .addShape(1)
                        .addShape(row.length))
                .addRawInputContents(com.google.protobuf.ByteString.copyFrom(data.flip()))
                .build()
                .toByteArray()));
  }

  private double score(double[] row) {
    double z = 0;
    for (int i = 0; i < WIDTH; i++) {
      z += weights[i] * row[i];
    }
    return 1 / (1 + Math.exp(-z));
  }

  private double[] draw() {
    return random.doubles(WIDTH, -3, 3).toArray();
  }

  /** One call; the score that the caller learns. */
  private double call(Patterns patterns, String principal, double[] row) {
    now += SECOND / 50;
    long unix = now / 1_000_000;
    Patterns.Verdict verdict = patterns.asked(principal, "fraud", request(row), now, unix);
    double score = score(row);
    if (verdict.isLookedAt()) {
      patterns.answered(verdict, "fraud", List.of(score), CUTOFF, now, unix);
    }
    return score;
  }

  private List<String> suspects(Patterns patterns) {
    return patterns.suspects(now, 1000).stream().map(Suspect::principal).toList();
  }

  /** Ordinary callers: many cases each, and some of them come again with a few features changed. */
  private void ordinary(Patterns patterns, int principals, int calls) {
    List<double[]> known = new ArrayList<>();
    for (int i = 0; i < calls; i++) {
      double[] row;
      if (known.size() > 50 && random.nextInt(100) < 30) {
        row = known.get(known.size() - 1 - random.nextInt(50)).clone();
        if (random.nextInt(3) > 0) {
          for (int k = 0; k < 8; k++) {
            row[random.nextInt(WIDTH)] = 6 * random.nextDouble() - 3;
          }
        }
      } else {
        row = draw();
      }
      known.add(row);
      call(patterns, "customer-" + random.nextInt(principals), row);
    }
  }

  /** Finds points of the boundary by halving, then feels around each: 20 and 30 calls. */
  private int copies(Patterns patterns, String principal, int most) {
    int calls = 0;
    while (calls < most && !suspects(patterns).contains(principal)) {
      double[] low = draw();
      double[] high = draw();
      if (score(low) > CUTOFF || score(high) < CUTOFF) {
        continue;
      }
      double[] middle = low;
      for (int step = 0; step < 20; step++) {
        middle = new double[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
          middle[i] = (low[i] + high[i]) / 2;
        }
        if (call(patterns, principal, middle) < CUTOFF) {
          low = middle;
        } else {
          high = middle;
        }
        calls++;
      }
      for (int i = 0; i < WIDTH; i++) {
        double[] nudged = middle.clone();
        nudged[i] += 0.001;
        call(patterns, principal, nudged);
        calls++;
      }
    }
    return calls;
  }

  @Test
  void aCopierIsFlaggedWithinHundredsOfCallsAndOrdinaryCallersAreNot() {
    Patterns patterns = patterns(0);
    ordinary(patterns, 20, 40_000);
    assertEquals(List.of(), suspects(patterns), "nobody in 40,000 calls of 20 callers");
    int calls = copies(patterns, "copier", 5000);
    assertEquals(List.of("copier"), suspects(patterns));
    assertTrue(calls <= 300, "flagged after " + calls + " calls");
    copies(patterns, "copier", 500);
    Suspect suspect = patterns.suspects(now, 10).getFirst();
    assertTrue(suspect.patterns().contains(Pattern.NEAR_DUPLICATES), suspect.toString());
    ordinary(patterns, 20, 10_000);
    assertEquals(List.of("copier"), suspects(patterns), "it costs the others nothing");
  }

  @Test
  void bothWaysOfACopierAreSeenByThemselves() {
    Patterns patterns = patterns(0);
    ordinary(patterns, 20, 40_000);
    // Only near the boundary, and never alike: points of the boundary found elsewhere.
    for (int i = 0; i < 3000; i++) {
      double[] row = draw();
      double z = 0;
      double norm = 0;
      for (int k = 0; k < WIDTH; k++) {
        z += weights[k] * row[k];
        norm += weights[k] * weights[k];
      }
      for (int k = 0; k < WIDTH; k++) {
        row[k] -= z / norm * weights[k];
      }
      call(patterns, "prober", row);
      // Only alike, and far from the boundary.
      double[] near = new double[WIDTH];
      java.util.Arrays.setAll(near, k -> weights[k] > 0 ? 2.5 : -2.5);
      near[i % WIDTH] *= 1 + random.nextDouble() / 2;
      call(patterns, "nudger", near);
    }
    assertEquals(List.of("nudger", "prober"), suspects(patterns).stream().sorted().toList());
    for (Suspect suspect : patterns.suspects(now, 10)) {
      assertEquals(
          List.of(
              suspect.principal().equals("nudger")
                  ? Pattern.NEAR_DUPLICATES
                  : Pattern.BOUNDARY_PROBING),
          suspect.patterns());
    }
  }

  @Test
  void whatIsOrdinaryForAModelIsNotSuspicious() {
    Patterns patterns = patterns(0);
    double[][] machines = new double[10][];
    for (int i = 0; i < 10; i++) {
      machines[i] = draw();
    }
    // Each machine is a caller whose readings hardly move; after the first ones this is the norm.
    for (int i = 0; i < 30_000; i++) {
      double[] machine = machines[i % 10];
      machine[random.nextInt(WIDTH)] *= 1 + 0.001 * random.nextGaussian();
      call(patterns, "machine-" + i % 10, machine);
    }
    assertEquals(List.of(), suspects(patterns));
  }

  @Test
  void whoAsksTheSameAgainLearnsNothingAndIsNotSuspicious() {
    Patterns patterns = patterns(0);
    ordinary(patterns, 20, 20_000);
    double[] row = draw();
    for (int i = 0; i < 5000; i++) {
      call(patterns, "poller", row);
    }
    assertEquals(List.of(), suspects(patterns));
  }

  @Test
  void aSuspectIsHeldToTheRateAndToldHowLongToWait() {
    Patterns patterns = patterns(10);
    ordinary(patterns, 20, 20_000);
    copies(patterns, "copier", 5000);
    long from = now + 10 * SECOND;
    int allowed = 0;
    for (int i = 0; i < 1000; i++) {
      long at = from + i * SECOND / 100;
      Patterns.Verdict verdict =
          patterns.asked("copier", "fraud", request(draw()), at, at / 1_000_000);
      assertTrue(
          verdict.is(Pattern.NEAR_DUPLICATES, at) || verdict.is(Pattern.BOUNDARY_PROBING, at));
      allowed += verdict.waitNanos() == 0 ? 1 : 0;
      assertTrue(verdict.waitNanos() <= SECOND / 10);
    }
    assertEquals(110, allowed, 2, "ten seconds at ten, and one second's worth at once");
    assertEquals(1000 - allowed, patterns.throttled());
    long later = from + Duration.ofHours(2).toNanos();
    assertEquals(
        0,
        patterns.asked("copier", "fraud", request(draw()), later, later / 1_000_000).waitNanos());
    assertEquals(List.of(), patterns.suspects(later, 10), "an hour after the last sign");
  }

  /** Near-duplicates until their caller is flagged; how many. */
  private int nudges(Patterns patterns, String principal, int most) {
    double[] row = draw();
    int calls = 0;
    while (calls < most && !suspects(patterns).contains(principal)) {
      row[calls % WIDTH] *= 1.001;
      call(patterns, principal, row);
      calls++;
    }
    return calls;
  }

  @Test
  void nobodyIsForgottenBecauseHeMadeOthersKnown() {
    PatternSettings each = new PatternSettings(64, 1, 0.02, 5, Duration.ofHours(1), 0);
    Patterns fresh = new Patterns(each, 99);
    ordinary(fresh, 20, 20_000);
    int whole = nudges(fresh, "copier", 200);
    assertTrue(whole > 10 && whole < 40, "from the start: " + whole);
    Patterns patterns = new Patterns(each, 99);
    ordinary(patterns, 20, 20_000);
    assertEquals(whole / 2, nudges(patterns, "copier", whole / 2), "not yet");
    for (int i = 0; i < 20_000; i++) {
      call(patterns, "name-" + i, draw());
    }
    assertTrue(patterns.evicted() > 10_000, "evicted: " + patterns.evicted());
    int more = nudges(patterns, "copier", 200);
    assertTrue(more <= whole - whole / 2 + 2, more + " more, " + whole + " from the start");
    for (int i = 0; i < 20_000; i++) {
      call(patterns, "other-" + i, draw());
    }
    assertEquals(List.of("copier"), suspects(patterns), "a suspect is never forgotten for others");
  }

  @Test
  void rowsAreLikeByTheirElementsWhateverTheTypeAndNeverByTheirZeros() {
    Sketch a = new Sketch();
    Sketch b = new Sketch();
    double[] row = draw();
    double[] nudged = row.clone();
    nudged[3] += 0.0005;
    assertTrue(a.of(request(row), 7, 0) && b.of(request(nudged), 7, 0));
    assertTrue(Sketch.isNear(a.bins(), b.bins()));
    assertFalse(a.checksum() == b.checksum());
    assertTrue(b.of(request(row), 8, 0));
    assertFalse(Sketch.isNear(a.bins(), b.bins()), "models are told apart");
    double[] sparse = new double[300];
    double[] other = new double[300];
    for (int i = 0; i < 20; i++) {
      sparse[random.nextInt(300)] = 1;
      other[random.nextInt(300)] = 1;
    }
    assertTrue(a.of(request(sparse), 7, 0) && b.of(request(other), 7, 0));
    assertFalse(Sketch.isNear(a.bins(), b.bins()), "zeros make nobody alike");
    assertTrue(a.of(request(1, 2, 3), 7, 0) && b.of(request(1, 2, 5), 7, 0));
    assertFalse(Sketch.isNear(a.bins(), b.bins()), "empty bins make nobody alike");
    assertTrue(b.of(request(1, 2, 3.0001), 7, 0));
    assertTrue(Sketch.isNear(a.bins(), b.bins()));
    assertTrue(a.of(request(0, 0, 0), 7, 0));
    assertFalse(Sketch.isNear(a.bins(), a.bins()), "nothing is not like nothing");
  }

  @Test
  void modelsThatNoTableListsAreForgotten() {
    Patterns patterns =
        new Patterns(new PatternSettings(1000, 1, 0.02, 5, Duration.ofHours(1), 0), 12345);
    for (String model : List.of("fraud", "gone", "*")) {
      var _ = patterns.asked("alice", model, request(draw()), now, now / 1_000_000);
    }
    assertEquals(3, patterns.models());
    patterns.retain(java.util.Set.of("fraud", ""));
    assertEquals(2, patterns.models());
  }
}
