package dev.understudy.comparator.intake;

import static dev.understudy.comparator.intake.Blocks.START;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.comparator.log.LogFolder;
import dev.understudy.comparator.telemetry.Counters;
import dev.understudy.comparator.testing.CrashingDisk;
import dev.understudy.evidence.fold.EvidenceFold;
import dev.understudy.proto.v1.BlockAck;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.WatchSpec;
import dev.understudy.proto.v1.WorkerTally;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The power fails at every change that the intake makes to the disk, and once more at some change
 * of the recovery. Two routers, a collector and a worker keep what was not acknowledged and send it
 * again; whoever starts evaluations asks again. In the end the logs are, record for record, those
 * of a run that nothing interrupted.
 */
class InterruptionTest {
  private static final List<String> ROLLOUTS = List.of("r", "s");
  private static final int STEPS = 6;
  private static final int SEEDS = 2;

  // It says aloud what it cannot write, which is what happens here all the time.
  private static final Logger NOISE = Logger.getLogger(IntakeState.class.getPackageName());

  @TempDir Path folder;

  private int run;

  @BeforeAll
  static void quiet() {
    NOISE.setLevel(Level.OFF);
  }

  @AfterAll
  static void aloud() {
    NOISE.setLevel(null);
  }

  /** Somebody who keeps messages until they are acknowledged. */
  private static final class Sender<T> implements BlockSender, SequenceSender {
    final TreeMap<Long, T> kept = new TreeMap<>();

    @Override
    public void acknowledge(BlockAck ack) {
      acknowledge(ack.getSequence());
    }

    @Override
    public void acknowledge(long sequence) {
      kept.headMap(sequence, true).clear();
    }

    @Override
    public void request(int messages) {}

    @Override
    public void complete() {}

    @Override
    public void fail(Fault fault) {}
  }

  /** One life of the comparator's disk, and of everybody who sends. */
  private final class World {
    final Path state = folder.resolve("run" + run++);
    final CrashingDisk disk;
    final ManualTime time = new ManualTime();
    final Sender<EvidenceBlock> a = new Sender<>();
    final Sender<EvidenceBlock> b = new Sender<>();
    final Sender<LabelledPrediction> collector = new Sender<>();
    final Sender<WorkerTally> worker = new Sender<>();
    final TreeMap<String, RolloutLog> rollouts = new TreeMap<>();
    private final Random random;
    private int crashes;

    World(long seed) {
      disk = new CrashingDisk(seed);
      random = new Random(seed);
      time.advance(Duration.ofSeconds(8));
    }

    /** Lives through all steps; the power fails at the n-th change, and again in the recovery. */
    List<EvidenceReport> live(long crashIn) throws IOException {
      Files.createDirectories(state);
      disk.crashIn(crashIn);
      for (int step = 1; step <= STEPS; step++) {
        time.advance(Duration.ofSeconds(1));
        produce(step);
        do {
          attempt(step);
        } while (!settled());
      }
      List<EvidenceReport> reports = new ArrayList<>();
      for (String id : ROLLOUTS) {
        EvidenceFold fold = new EvidenceFold();
        List<EvidenceLogRecord> records = new ArrayList<>();
        rollout(id).log().read(records::add);
        records.forEach(fold::accept);
        reports.add(fold.report());
      }
      return reports;
    }

    private boolean settled() {
      if (disk.off()) {
        disk.powerOn();
        crashes++;
        if (crashes == 1) {
          disk.crashIn(1 + random.nextInt(12));
        }
        state().clear();
        return false;
      }
      return a.kept.isEmpty()
          && b.kept.isEmpty()
          && collector.kept.isEmpty()
          && worker.kept.isEmpty();
    }

    private List<IntakeState> state() {
      return alive;
    }

    private final List<IntakeState> alive = new ArrayList<>();

    private RolloutLog rollout(String id) {
      RolloutLog rollout = rollouts.get(id);
      if (rollout == null) {
        throw new IllegalStateException("no log of " + id);
      }
      return rollout;
    }

    private void produce(int step) {
      a.kept.put((long) step, Blocks.block("a", step, START + step, "r", "s"));
      b.kept.put((long) step, Blocks.block("b", step, START + step, "s", "r"));
      String about = ROLLOUTS.get(step % 2);
      collector.kept.put(
          (long) step,
          LabelledPrediction.newBuilder()
              .setSequence(step)
              .setPredictionId("p" + step)
              .setRolloutId(about)
              .setRole(step % 3 == 0 ? Role.CANARY : Role.CHAMPION)
              .setCanaryWeightBp(2500)
              .setScore(0.1 * step)
              .setOutcome(step % 2)
              .build());
      worker.kept.put(
          (long) step,
          WorkerTally.newBuilder()
              .setWorker("w")
              .setBootId("w1")
              .setSequence(step)
              .setRolloutId(about)
              .addTallies(tally(Role.SHADOW, step))
              .addTallies(tally(Role.MIRRORED_CONTROL, step))
              .build());
    }

    private PairTally tally(Role role, int step) {
      return PairTally.newBuilder()
          .setRole(role)
          .setPairs(step)
          .addDivergence(step)
          .addDivergenceCount(step)
          .setComparedWithDecision(step)
          .setChangedToPositive(1)
          .build();
    }

    /** Everybody sends what was not acknowledged; a dead comparator is started first. */
    private void attempt(int step) {
      try {
        if (alive.isEmpty()) {
          alive.add(start());
        }
        IntakeState state = alive.getFirst();
        command(state, step);
        state.opened(a);
        state.opened(b);
        state.labelsOpened(collector);
        state.talliesOpened(worker);
        List.copyOf(worker.kept.values()).forEach(tally -> state.tally(worker, tally));
        List.copyOf(a.kept.values()).forEach(block -> state.block(a, block));
        List.copyOf(b.kept.values()).forEach(block -> state.block(b, block));
        List.copyOf(collector.kept.values()).forEach(label -> state.label(collector, label));
        state.flush();
        state.closed(a);
        state.closed(b);
        state.labelsClosed(collector);
        state.talliesClosed(worker);
      } catch (IOException | Fault e) {
        assertTrue(disk.off(), () -> "only the power may fail: " + e);
      }
    }

    private IntakeState start() throws IOException {
      rollouts.clear();
      for (String id : ROLLOUTS) {
        rollouts.put(id, new RolloutLog(state.resolve(String.valueOf(LogFolder.of(id))), disk));
      }
      return new IntakeState(
          rollouts,
          new Positions(state, disk),
          Duration.ofMillis(500),
          1 << 20,
          time,
          new Counters(),
          (id, records) -> {});
    }

    /** Starts, watches and stops as a controller does, who asks again after a failure. */
    private void command(IntakeState state, int step) {
      for (String id : ROLLOUTS) {
        RolloutLog rollout = rollout(id);
        if (rollout.spec() == null) {
          state.start(Blocks.spec(id).build(), rollout);
        }
      }
      if (step >= 4 && rollout("s").watch() == null) {
        state.watch(
            "s", rollout("s"), WatchSpec.newBuilder().setAlpha(0.01).setHorizonSeconds(60).build());
      }
      if (step == STEPS && rollout("r").open()) {
        state.stop("r", rollout("r"));
      }
    }
  }

  @Test
  void thePowerFailsAtEveryChangeAndTheReportsAreTheSameBitForBit() throws IOException {
    World quiet = new World(0);
    List<EvidenceReport> expected = quiet.live(Long.MAX_VALUE / 2);
    long changes = quiet.disk.operations();
    assertEquals(STEPS - 1, expected.get(0).getBlocks());
    assertEquals(STEPS, expected.get(1).getBlocks());
    assertEquals(0, expected.get(0).getGaps() + expected.get(1).getGaps());
    assertTrue(changes >= 50, "changes: " + changes);
    for (long change = 1; change <= changes; change++) {
      for (int seed = 1; seed <= SEEDS; seed++) {
        World world = new World(1000 * change + seed);
        List<EvidenceReport> reports = world.live(change);
        assertTrue(world.crashes > 0, "the power did not fail");
        for (int i = 0; i < ROLLOUTS.size(); i++) {
          assertEquals(
              expected.get(i),
              reports.get(i),
              ROLLOUTS.get(i) + " after a power cut at change " + change + ", seed " + seed);
        }
      }
    }
  }
}
