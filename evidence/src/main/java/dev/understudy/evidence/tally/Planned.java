package dev.understudy.evidence.tally;

import dev.understudy.evidence.divergence.OutputPlan;
import dev.understudy.evidence.divergence.Tolerance;
import dev.understudy.proto.v1.ComparedOutput;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.ToleranceLearned;
import org.jspecify.annotations.Nullable;

/**
 * How one output of a contract is compared. The tolerance is the declared one, else the learned one
 * but never less than what is usual for the datatype.
 *
 * @param single for FP32, FP64 and integers
 * @param half for FP16 and BF16
 * @param declared whether the contract states a tolerance
 * @param learned whether one was learned
 */
record Planned(OutputPlan single, OutputPlan half, boolean declared, boolean learned) {

  /** As the contract says; what an output leaves open is taken from the decision on it. */
  static Planned of(
      ComparedOutput output, @Nullable Decision decision, @Nullable ToleranceLearned learned) {
    OutputKind kind = output.getKind();
    double atol = positive(output.getAtol());
    double rtol = positive(output.getRtol());
    if (decision != null) {
      kind = unknown(kind) ? decision.getKind() : kind;
      if (atol == 0 && rtol == 0) {
        atol = positive(decision.getAtol());
        rtol = positive(decision.getRtol());
      }
    }
    OutputPlan plan =
        new OutputPlan(
            unknown(kind) ? OutputKind.OUTPUT_KIND_UNSPECIFIED : kind,
            Tolerance.FP32,
            bounded(output.getTopK(), OutputPlan.USUAL_TOP_K, OutputPlan.MOST_TOP_K),
            bounded(output.getDepth(), OutputPlan.USUAL_DEPTH, OutputPlan.MOST_DEPTH));
    Planned planned =
        new Planned(
            plan.withTolerance(declared(atol, rtol, Tolerance.FP32)),
            plan.withTolerance(declared(atol, rtol, Tolerance.FP16)),
            atol > 0 || rtol > 0,
            false);
    return learned == null ? planned : planned.with(learned);
  }

  /** With a learned tolerance; the same where one is declared. */
  Planned with(ToleranceLearned tolerance) {
    return declared
        ? this
        : new Planned(
            single.withTolerance(learned(tolerance, Tolerance.FP32)),
            half.withTolerance(learned(tolerance, Tolerance.FP16)),
            false,
            true);
  }

  OutputPlan plan(String datatype) {
    return Tolerance.usual(datatype).equals(Tolerance.FP16) ? half : single;
  }

  private static Tolerance declared(double atol, double rtol, Tolerance usual) {
    return new Tolerance(
        atol > 0 ? atol : usual.atol(), rtol > 0 ? rtol : usual.rtol(), usual.cap());
  }

  private static Tolerance learned(ToleranceLearned tolerance, Tolerance usual) {
    return new Tolerance(
        Math.max(positive(tolerance.getAtol()), usual.atol()),
        Math.max(positive(tolerance.getRtol()), usual.rtol()),
        usual.cap());
  }

  private static boolean unknown(OutputKind kind) {
    return kind == OutputKind.OUTPUT_KIND_UNSPECIFIED || kind == OutputKind.UNRECOGNIZED;
  }

  /** Numbers from a contract that nobody checked: what is no tolerance is none. */
  private static double positive(double value) {
    return value > 0 && Double.isFinite(value) ? value : 0;
  }

  private static int bounded(int declared, int usual, int most) {
    // An unsigned number beyond 2^31 arrives negative.
    return declared == 0 ? usual : declared < 0 ? most : Math.min(declared, most);
  }
}
