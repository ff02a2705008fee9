package dev.understudy.evidence.divergence;

import static dev.understudy.evidence.divergence.Bytes.row;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.divergence.Divergence.Kind;
import dev.understudy.evidence.divergence.Measured.Flag;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class DivergenceTest {
  private static Measured one(Kind kind, Tensor a, Tensor b) {
    List<Measured> rows = Divergence.of(kind).measure(a, b);
    assertEquals(1, rows.size());
    return rows.getFirst();
  }

  private static void assertValue(double expected, Kind kind, Tensor a, Tensor b) {
    assertEquals(Math.round(expected * 1024), one(kind, a, b).units(), kind.toString());
  }

  @Test
  void probabilitiesFollowTheTextbook() {
    Tensor a = row(.5, .5, 0);
    Tensor b = row(.1, .4, .5);
    assertValue(.5, Kind.TOTAL_VARIATION, a, b);
    assertValue(0.3590, Kind.JENSEN_SHANNON, a, b);
    assertValue(1 - Math.sqrt(.05) - Math.sqrt(.2), Kind.SQUARED_HELLINGER, a, b);
    assertValue(1, Kind.TOP_ONE, a, b);
    for (Kind kind : List.of(Kind.TOTAL_VARIATION, Kind.JENSEN_SHANNON, Kind.SQUARED_HELLINGER)) {
      assertValue(1, kind, row(1, 0), row(0, 1));
      assertValue(0, kind, a, a);
      assertTrue(one(kind, a, b).disagreement());
      assertFalse(one(kind, row(.6, .4), row(.9, .1)).disagreement());
    }
    assertValue(.3, Kind.TOTAL_VARIATION, row(.2), row(.5)); // One column is P(yes).
    assertValue(1, Kind.TOP_ONE, row(.2), row(.5));
  }

  @Test
  void rowsThatAreNoDistributionAreToldApartByWhoGaveThem() {
    Tensor good = row(.5, .5);
    Tensor logits = row(3, -2);
    assertEquals(Flag.SHADOW_INVALID, one(Kind.TOTAL_VARIATION, good, logits).flag());
    assertEquals(1024, one(Kind.TOTAL_VARIATION, good, logits).units());
    assertEquals(Flag.CHAMPION_INVALID, one(Kind.TOTAL_VARIATION, logits, good).flag());
    Measured both = one(Kind.TOTAL_VARIATION, logits, logits);
    assertEquals(Flag.BOTH_INVALID, both.flag());
    assertFalse(both.flag().isEvidence());
    assertEquals(Flag.SHADOW_INVALID, one(Kind.TOP_ONE, good, row(.1, .2)).flag());
  }

  @Test
  void nanOnOneSideIsTheFarthest() {
    for (Kind kind : Kind.values()) {
      if (kind == Kind.EXACT) {
        continue; // Compares bytes: NaN is the same as NaN there.
      }
      Measured measured = one(kind, row(.5, .5), row(Double.NaN, .5));
      assertEquals(1024, measured.units());
      assertEquals(Flag.SHADOW_INVALID, measured.flag());
      assertTrue(measured.disagreement());
      assertEquals(Flag.BOTH_INVALID, one(kind, row(Double.NaN), row(Double.NaN)).flag());
    }
    assertValue(0, Kind.EXACT, row(Double.NaN), row(Double.NaN));
    assertValue(1, Kind.EXACT, row(0.0), row(-0.0));
  }

  @Test
  void regressionCountsInTolerances() {
    Divergence regression =
        new Divergence(Kind.REGRESSION, new Divergence.Tolerance(.1, .1, 10), null);
    Measured measured = regression.measure(row(10, 1), row(12.2, 1)).getFirst();
    assertEquals(Math.round(.2 * 1024), measured.units()); // 2.2 / (0.1 + 1) / 10
    assertTrue(measured.disagreement());
    assertEquals(2.2, measured.maxAbs(), 1e-6);
    assertEquals(.22, measured.maxRel(), 1e-6);
    assertFalse(regression.measure(row(10), row(11)).getFirst().disagreement());
    assertEquals(1024, regression.measure(row(0), row(1e30)).getFirst().units());
    double inf = Double.POSITIVE_INFINITY;
    assertEquals(0, regression.measure(row(inf), row(inf)).getFirst().units());
    assertEquals(1024, regression.measure(row(inf), row(-inf)).getFirst().units());
    assertEquals(1024, regression.measure(row(1), row(inf)).getFirst().units());
    Divergence exact = new Divergence(Kind.REGRESSION, new Divergence.Tolerance(0, 0, 1), null);
    assertEquals(0, exact.measure(row(0), row(-0.0)).getFirst().units());
    assertEquals(1024, exact.measure(row(0), row(1e-30)).getFirst().units());
  }

  @Test
  void ulpsCountNeighbours() {
    double next = Math.nextUp(1f);
    assertEquals(1, one(Kind.REGRESSION, row(1), row(next)).maxUlp());
    assertEquals(2, one(Kind.REGRESSION, row(Float.MIN_VALUE), row(-Float.MIN_VALUE)).maxUlp());
    assertEquals(1, one(Kind.REGRESSION, Bytes.fp64(1), Bytes.fp64(Math.nextDown(1.0))).maxUlp());
    assertEquals(
        Long.MAX_VALUE,
        one(Kind.REGRESSION, Bytes.fp64(Double.MAX_VALUE), Bytes.fp64(-Double.MAX_VALUE)).maxUlp());
    assertEquals(1024, one(Kind.REGRESSION, Bytes.half("FP16", 1), Bytes.half("FP16", 2)).maxUlp());
    assertEquals(128, one(Kind.REGRESSION, Bytes.half("BF16", 1), Bytes.half("BF16", 2)).maxUlp());
  }

  @Test
  void labelsAndBytesAreTheSameOrNot() {
    assertEquals(
        List.of(0, 1024),
        Divergence.of(Kind.LABELS).measure(Bytes.int64(7, 1), Bytes.int64(7, 2)).stream()
            .map(Measured::units)
            .toList());
    // Beyond what a double can tell apart.
    assertValue(1, Kind.LABELS, Bytes.int64(1L << 60), Bytes.int64((1L << 60) + 1));
    for (Kind kind : List.of(Kind.LABELS, Kind.EXACT)) {
      List<Measured> rows =
          Divergence.of(kind)
              .measure(Bytes.strings("fraud", "", "ok"), Bytes.strings("fraud", "x", "no"));
      assertEquals(List.of(0, 1024, 1024), rows.stream().map(Measured::units).toList());
    }
    assertEquals(
        Flag.DATATYPE_MISMATCH, one(Kind.LABELS, Bytes.strings("1"), Bytes.int64(1)).flag());
    assertEquals(
        Flag.NOT_COMPARABLE, one(Kind.EMBEDDING, Bytes.strings("1"), Bytes.strings("2")).flag());
  }

  @Test
  void embeddingsAreComparedByAngle() {
    assertValue(0, Kind.EMBEDDING, row(1, 2, 3), row(2, 4, 6));
    assertValue(1, Kind.EMBEDDING, row(1, 2), row(-1, -2));
    assertValue(.5, Kind.EMBEDDING, row(1, 0), row(0, 1));
    assertValue(0, Kind.EMBEDDING, row(1e38, 1e38), row(1e-38, 1e-38));
    assertEquals(Flag.SHADOW_INVALID, one(Kind.EMBEDDING, row(1, 0), row(0, 0)).flag());
  }

  @Test
  void batchesAreMeasuredRowByRow() {
    long[] shape = {3, 2};
    List<Measured> rows =
        Divergence.of(Kind.TOTAL_VARIATION)
            .withCutOff(1, .5)
            .measure(
                Bytes.fp32(shape, .9, .1, .4, .6, .5, .5),
                Bytes.fp32(shape, .9, .1, .6, .4, Double.NaN, 0));
    assertEquals(List.of(0, 205, 1024), rows.stream().map(Measured::units).toList());
    assertEquals(List.of(0, 1, 2), rows.stream().map(Measured::row).toList());
    Measured.DecisionChange change = rows.get(1).decision();
    assertNotNull(change);
    assertTrue(change.championDecision() && !change.shadowDecision() && change.changed());
    assertEquals(.6, change.championScore(), 1e-6);
    assertEquals(.4, change.shadowScore(), 1e-6);
    assertNull(rows.get(2).decision());
  }

  @Test
  void precisionMayDifferBetweenTheTwo() {
    assertValue(0, Kind.TOTAL_VARIATION, row(.25, .75), Bytes.fp64(.25, .75));
    assertValue(0, Kind.TOP_ONE, row(.2, .8), Bytes.half("FP16", .2, .8));
    assertValue(0, Kind.TOP_ONE, row(.2, .8), Bytes.half("BF16", .2, .8));
    assertValue(1, Kind.EXACT, row(.25), Bytes.fp64(.25));
  }

  @Test
  void otherShapesAreTheFarthestWithAReason() {
    List<Measured> rows =
        Divergence.of(Kind.TOP_ONE)
            .measure(
                Bytes.fp32(new long[] {2, 2}, 0, 1, 1, 0), Bytes.fp32(new long[] {2, 1}, 0, 1));
    assertEquals(2, rows.size());
    for (Measured row : rows) {
      assertEquals(1024, row.units());
      assertEquals(Flag.SHAPE_MISMATCH, row.flag());
      assertEquals("shapes [2, 2] and [2, 1]", row.reason());
    }
  }

  @Test
  void bytesThatDoNotFitTheirShapeAreAnAnswerToo() {
    Tensor good = row(1, 2);
    long[][] shapes = {{1, 3}, {-1}, {Long.MAX_VALUE, Long.MAX_VALUE, 4}, {1L << 32, 1L << 32}};
    for (long[] shape : shapes) {
      Tensor broken = Tensor.of("FP32", shape, ByteBuffer.allocate(8));
      assertNotNull(broken.problem());
      assertEquals(Flag.SHADOW_INVALID, one(Kind.REGRESSION, good, broken).flag());
      assertEquals(Flag.CHAMPION_INVALID, one(Kind.REGRESSION, broken, good).flag());
      assertEquals(Flag.BOTH_INVALID, one(Kind.REGRESSION, broken, broken).flag());
    }
    assertNotNull(Tensor.of("FP8", new long[] {8}, ByteBuffer.allocate(8)).problem());
    byte[] tooLong = {5, 0, 0, 0, 'a'};
    assertNotNull(Tensor.of("BYTES", new long[] {1}, ByteBuffer.wrap(tooLong)).problem());
    assertTrue(
        Divergence.of(Kind.TOP_ONE)
            .measure(Bytes.fp32(new long[] {5, 0}), Bytes.fp32(new long[] {5, 0}))
            .isEmpty());
  }

  @Test
  void aCutOffOutsideTheRowIsThePlansFault() {
    Measured measured =
        Divergence.of(Kind.REGRESSION).withCutOff(3, .5).measure(row(1), row(2)).getFirst();
    assertEquals(Flag.NOT_COMPARABLE, measured.flag());
    assertEquals("cut-off column 3 of 1", measured.reason());
    assertThrows(IllegalArgumentException.class, () -> new Divergence.CutOff(-1, .5));
    assertThrows(IllegalArgumentException.class, () -> new Divergence.CutOff(0, Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> new Divergence.Tolerance(Double.NaN, 0, 10));
  }

  @Test
  void measuresAreSymmetricAndBounded() {
    SplittableRandom random = new SplittableRandom(9);
    for (int i = 0; i < 2000; i++) {
      double[][] rows = new double[2][1 + random.nextInt(9)];
      rows[1] = rows[0].clone();
      for (double[] row : rows) {
        double sum = 0;
        for (int k = 0; k < row.length; k++) {
          row[k] = random.nextInt(3) == 0 ? 0 : Math.exp(20 * random.nextDouble());
          sum += row[k];
        }
        row[0] += sum == 0 ? 1 : 0;
        sum = sum == 0 ? 1 : sum;
        for (int k = 0; k < row.length; k++) {
          row[k] /= sum;
        }
      }
      Tensor a = row(rows[0]);
      Tensor b = row(rows[1]);
      for (Kind kind :
          List.of(
              Kind.TOTAL_VARIATION, Kind.JENSEN_SHANNON, Kind.SQUARED_HELLINGER, Kind.TOP_ONE)) {
        Measured there = one(kind, a, b);
        assertEquals(Flag.NONE, there.flag(), there::reason);
        assertEquals(there.units(), one(kind, b, a).units());
      }
      int total = one(Kind.TOTAL_VARIATION, a, b).units();
      // Le Cam: the squared Hellinger distance is at most the total variation, and so is
      // Jensen-Shannon's.
      assertTrue(one(Kind.SQUARED_HELLINGER, a, b).units() <= total + 1);
      assertTrue(one(Kind.JENSEN_SHANNON, a, b).units() <= total + 1);
    }
  }
}
