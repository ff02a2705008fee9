package dev.understudy.loadtest.drive;

import io.grpc.Status;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A run or several runs of the same thing: blocks in order of time, and what cannot be split.
 *
 * @param kinds names of the kinds of call, in the blocks' order
 * @param cpuNanos CPU time of the whole process while it ran
 * @param reasons for each status that is no OK, the first detail that came with it
 * @param backlog calls still without an answer when the schedule ended
 * @param interrupted whether it was ended before its time
 */
public record Series(
    List<Block> blocks,
    List<String> kinds,
    long cpuNanos,
    Map<Status.Code, String> reasons,
    long backlog,
    boolean interrupted) {

  /** Copies. */
  public Series {
    blocks = List.copyOf(blocks);
    kinds = List.copyOf(kinds);
    reasons = Map.copyOf(reasons);
  }

  /** These runs, one after the other; kinds must be the same. */
  public static Series of(List<Series> runs) {
    List<Block> blocks = new ArrayList<>();
    Map<Status.Code, String> reasons = new EnumMap<>(Status.Code.class);
    long cpu = 0;
    long backlog = 0;
    long nanos = 0;
    boolean interrupted = false;
    for (Series run : runs) {
      for (Block block : run.blocks) {
        blocks.add(block.startingAt(nanos));
        nanos += block.nanos();
      }
      backlog += run.backlog;
      run.reasons.forEach(reasons::putIfAbsent);
      cpu += run.cpuNanos;
      interrupted |= run.interrupted;
    }
    return new Series(blocks, runs.getFirst().kinds, cpu, reasons, backlog, interrupted);
  }

  /** Without the first blocks; CPU time shrinks in proportion to calls. */
  public Series from(int block) {
    if (block == 0) {
      return this;
    }
    Series rest =
        new Series(blocks.subList(block, blocks.size()), kinds, 0, reasons, backlog, interrupted);
    double share = (double) rest.calls() / Math.max(1, calls());
    return new Series(
        rest.blocks, kinds, Math.round(cpuNanos * share), reasons, backlog, interrupted);
  }

  /** Length of all blocks together, in nanoseconds. */
  public long nanos() {
    return sum(Block::nanos);
  }

  /** Calls that ended, whatever the status. */
  public long calls() {
    return sum(Block::ended);
  }

  /** Calls that the schedule asked for. */
  public long due() {
    return sum(Block::due);
  }

  /** Calls that were not sent because too many were outstanding. */
  public long notSent() {
    return sum(Block::notSent);
  }

  /** Calls that did not end OK, those not sent included. */
  public long errors() {
    return sum(Block::errors);
  }

  /** Share of calls, 0 to 1, that did not end OK. */
  public double errorShare() {
    return (double) errors() / Math.max(1, calls() + notSent());
  }

  /** Calls that ended OK, per second. */
  public double okPerSecond() {
    return ok().count() / Math.max(1e-9, nanos() / 1e9);
  }

  private long sum(java.util.function.ToLongFunction<Block> of) {
    return blocks.stream().mapToLong(of).sum();
  }

  /** Calls by the status they ended with; only those that occurred. */
  public Map<Status.Code, Long> byStatus() {
    Map<Status.Code, Long> counts = new EnumMap<>(Status.Code.class);
    for (Status.Code code : Status.Code.values()) {
      long calls = sum(block -> block.byStatus()[code.value()]);
      if (calls > 0) {
        counts.put(code, calls);
      }
    }
    return counts;
  }

  /** Latency from the scheduled send of calls that ended OK. */
  public Durations ok() {
    return all(Block::ok);
  }

  /** Latency of calls that ended otherwise. */
  public Durations failed() {
    return all(Block::failed);
  }

  /** Latency from the moment of sending: what a tool without a schedule sees. */
  public Durations service() {
    return all(Block::service);
  }

  /** How much later than scheduled calls were sent. */
  public Durations lag() {
    return all(Block::lag);
  }

  /** Latency of one kind of call. */
  public Durations ok(int kind) {
    return kinds.size() == 1 ? ok() : all(block -> block.byKind().get(kind));
  }

  private Durations all(Function<Block, Durations> of) {
    return Durations.sum(blocks.stream().map(of).toList());
  }
}
