package dev.understudy.evidence.simulation;

import dev.understudy.evidence.process.Draws;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.Role;
import java.util.Arrays;

/**
 * Users who stay on their arm. User k sends requests in proportion to 1/k (Zipf); one in a hundred
 * always fails, whatever arm answers.
 *
 * @param seconds that it lasts
 * @param perSecond requests of all users
 * @param users how many there are
 * @param routers that a user's requests fall on at random; each tells a key's first sight and first
 *     failure as it saw them
 * @param canaryRate failure rate of single requests on the canary
 * @param championRate failure rate of single requests on the champion
 */
record KeyTraffic(
    int seconds, int perSecond, int users, int routers, double canaryRate, double championRate) {
  private static final double ALWAYS_FAILS = 0.01;

  static KeyTraffic zipf(int routers, double canaryRate) {
    return new KeyTraffic(100, 100, 2000, routers, canaryRate, 0.01);
  }

  /**
   * Requests until the question is answered with yes.
   *
   * @param canaryBp share of the users that the canary has
   */
  long decidedAt(EvaluationSpec spec, int canaryBp, Trial.Question question, Draws draws) {
    Trial trial = new Trial(spec);
    double[] activity = activity();
    long salt = draws.nextLong();
    boolean[] onCanary = new boolean[users];
    boolean[] fails = new boolean[users];
    for (int user = 0; user < users; user++) {
      onCanary[user] = draws.nextDouble() < canaryBp / 10_000.0;
      fails[user] = draws.nextDouble() < ALWAYS_FAILS;
    }
    boolean[] seen = new boolean[users * routers];
    boolean[] bad = new boolean[users * routers];
    for (int second = 0; second < seconds; second++) {
      Side canary = new Side(Cells.head(Role.CANARY, canaryBp, 0));
      Side champion = new Side(Cells.head(Role.CHAMPION, canaryBp, 0));
      for (int i = 0; i < perSecond; i++) {
        int user = user(activity, draws);
        int at = user * routers + (int) (draws.nextDouble() * routers);
        Side side = onCanary[user] ? canary : champion;
        double rate = onCanary[user] ? canaryRate : championRate;
        boolean failed = fails[user] || draws.nextDouble() < rate;
        side.count(new Draws(salt, user).nextLong(), !seen[at], failed, !bad[at]);
        seen[at] = true;
        bad[at] |= failed;
      }
      trial.second(
          JoinedBlock.newBuilder()
              .setRouters(routers)
              .addCells(canary.cell())
              .addCells(champion.cell()));
      if (trial.answer(question)) {
        return (second + 1L) * perSecond;
      }
    }
    return Experiment.NEVER;
  }

  /** One arm's second. */
  private static final class Side {
    private final Cell.Builder cell;
    private long ok;
    private long bad;

    Side(Cell.Builder cell) {
      this.cell = cell;
    }

    void count(long key, boolean firstSeen, boolean failed, boolean firstFailure) {
      if (firstSeen) {
        cell.addFirstSeenKeys(key);
      }
      if (failed && firstFailure) {
        cell.addFirstBadKeys(key);
      }
      ok += failed ? 0 : 1;
      bad += failed ? 1 : 0;
    }

    Cell cell() {
      Cell counted = Cells.of(cell.getRole(), cell.getCanaryWeightBp(), 0, ok, bad, null);
      return cell.setAssigned(ok + bad).addAllOutcomes(counted.getOutcomesList()).build();
    }
  }

  private double[] activity() {
    double[] cumulative = new double[users];
    for (int user = 0; user < users; user++) {
      cumulative[user] = (user > 0 ? cumulative[user - 1] : 0) + 1.0 / (user + 1);
    }
    return cumulative;
  }

  private static int user(double[] activity, Draws draws) {
    double at = draws.nextDouble() * activity[activity.length - 1];
    int found = Arrays.binarySearch(activity, at);
    return found < 0 ? -found - 1 : found;
  }
}
