package dev.understudy.evidence.simulation;

/**
 * How a rollout goes along: shares and troubles, second by second.
 *
 * @param seconds that it lasts
 * @param stepping 5, 10, 25, 50 % for a quarter each; else {@code canaryBp} throughout
 * @param canaryBp share of the canary in 1/10000 when it does not step
 * @param incident something that all arms use fails between 30 and 45 % of the time
 */
record Course(int seconds, boolean stepping, int canaryBp, boolean incident) {
  private static final int[] STEPS_BP = {500, 1000, 2500, 5000};

  static Course constant(int seconds, int canaryBp) {
    return new Course(seconds, false, canaryBp, false);
  }

  static Course steps(int seconds) {
    return new Course(seconds, true, 0, false);
  }

  Course withIncident() {
    return new Course(seconds, stepping, canaryBp, true);
  }

  /** Share of the canary at a second; before the first it is that of the first. */
  int canaryBpAt(int second) {
    return stepping
        ? STEPS_BP[Math.clamp((long) second * STEPS_BP.length / seconds, 0, STEPS_BP.length - 1)]
        : canaryBp;
  }

  /** Whether the shared trouble is on. */
  boolean troubled(int second) {
    return incident && second >= seconds * 3 / 10 && second < seconds * 9 / 20;
  }

  String words() {
    String shares =
        stepping ? "steps 5, 10, 25, 50 %" : "share " + Measured.percent(canaryBp / 10_000.0);
    return incident ? shares + ", incident ×8 in all arms" : shares;
  }
}
