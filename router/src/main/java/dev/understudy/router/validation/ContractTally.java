package dev.understudy.router.validation;

import dev.understudy.proto.contract.ContractFindings;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * What data contracts found, by model, rule and what was done about it. Models and rules are those
 * of routing tables, so the series are few, and bounded all the same: what finds no room is counted
 * under the rule {@value #OTHER}. Counts outlive the tables. Any thread.
 */
public final class ContractTally {
  /** The rule of counts that have no series of their own. */
  public static final String OTHER = "other";

  private static final int MOST_SERIES = 10_000;

  private record Series(String model, String rule, String action) {}

  /** Reads one count. */
  @FunctionalInterface
  public interface Reader {
    /** Gets how often a rule of a model came to something. */
    void read(String model, String rule, String action, long times);
  }

  private final ConcurrentHashMap<Series, LongAdder> counts = new ConcurrentHashMap<>();
  private final int mostSeries;

  /** A tally that has seen nothing. */
  public ContractTally() {
    this(MOST_SERIES);
  }

  ContractTally(int mostSeries) {
    this.mostSeries = mostSeries;
  }

  void count(String model, List<ContractFindings.Count> found) {
    for (ContractFindings.Count count : found) {
      adder(model, count.rule(), count.action()).add(count.times());
    }
  }

  private LongAdder adder(String model, String rule, String action) {
    Series series = new Series(model, rule, action);
    LongAdder adder = counts.get(series);
    if (adder != null) {
      return adder;
    }
    return counts.computeIfAbsent(
        counts.size() < mostSeries ? series : new Series(OTHER, OTHER, action),
        key -> new LongAdder());
  }

  /** Reads every count. */
  public void read(Reader reader) {
    counts.forEach((series, count) ->
        reader.read(series.model(), series.rule(), series.action(), count.sum()));
  }
}
