package dev.understudy.loadtest;

import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A load test as a person asks for one: against one target, or against two that take turns in
 * slices so that both meet the same noise.
 */
public final class LoadTest {

  /**
   * What to do.
   *
   * @param targets one, or two to compare
   * @param rate calls per second at each target while it has its turn
   * @param length measured time per target
   * @param warmup time per target that is not measured
   * @param slice turn of a target when two are compared
   * @param request a serialized request to repeat, or null to make requests from metadata
   * @param apiKey sent as bearer token; empty for none
   * @param json file for the result as JSON, or null
   * @param hlog file for the HdrHistogram log, or null; the second target's gets the suffix {@code
   *     .b}
   */
  public record Options(
      List<HostPort> targets,
      String model,
      String version,
      int rows,
      double rate,
      Arrivals.Kind arrivals,
      Duration length,
      Duration warmup,
      Duration slice,
      Duration timeout,
      int maxOutstanding,
      long seed,
      @Nullable ByteString request,
      String apiKey,
      @Nullable Path json,
      @Nullable Path hlog) {

    /** Checks counts and lengths. */
    public Options {
      if (targets.isEmpty() || targets.size() > 2) {
        throw new IllegalArgumentException("targets: " + targets + " (expected: one or two)");
      }
      targets = List.copyOf(targets);
    }
  }

  private final Options options;
  private final PrintWriter out;
  private final ProgressBar progress;

  /** A test that prints to {@code out}, with a progress line if that is a terminal. */
  public LoadTest(Options options, PrintWriter out, boolean terminal) {
    this.options = options;
    this.out = out;
    this.progress = new ProgressBar(out, terminal);
  }

  /**
   * Runs and reports.
   *
   * @return 0 if every call ended OK, 1 otherwise
   */
  public int run() throws IOException, InterruptedException {
    List<ManagedChannel> channels = new ArrayList<>();
    try {
      List<OpenLoop> loops = new ArrayList<>();
      for (HostPort target : options.targets()) {
        ManagedChannel channel = Channels.open(target, ChannelOptions.plaintext());
        channels.add(channel);
        loops.add(loop(channel));
      }
      long startUnixMillis = System.currentTimeMillis();
      for (int i = 0; i < loops.size(); i++) {
        if (!options.warmup().isZero()) {
          turn(loops.get(i), "warming " + options.targets().get(i), options.warmup(), i, 0, 1);
        }
      }
      return loops.size() == 1
          ? single(loops.getFirst(), startUnixMillis)
          : compare(loops, startUnixMillis);
    } finally {
      channels.forEach(ManagedChannel::shutdownNow);
    }
  }

  private OpenLoop loop(ManagedChannel channel) {
    ByteString message = options.request();
    RequestSource source;
    if (message == null) {
      source =
          Payloads.random(
              channel, options.model(), options.version(), options.rows(), options.seed());
    } else {
      byte[] bytes = message.toByteArray();
      source = n -> bytes;
    }
    Metadata headers = new Metadata();
    if (!options.apiKey().isEmpty()) {
      headers.put(
          Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
          "Bearer " + options.apiKey());
    }
    return new OpenLoop(channel, source, options.timeout(), options.maxOutstanding(), headers);
  }

  private Tally turn(
      OpenLoop loop, String what, Duration length, long seed, double doneBefore, double share)
      throws InterruptedException {
    Arrivals arrivals =
        new Arrivals(options.arrivals(), options.rate(), options.seed() * 31 + seed);
    Tally tally =
        loop.run(
            arrivals,
            length,
            CallListener.NONE,
            nanos ->
                progress.show(what, doneBefore + share * nanos / length.toNanos(), loop.sent()));
    progress.clear();
    return tally;
  }

  private int single(OpenLoop loop, long startUnixMillis) throws IOException, InterruptedException {
    String target = options.targets().getFirst().toString();
    Tally tally = turn(loop, target, options.length(), 7, 0, 1);
    LoadReport.print(target, tally, out);
    write(LoadReport.json(target, tally), startUnixMillis, List.of(tally));
    return tally.errors() == 0 ? 0 : 1;
  }

  private int compare(List<OpenLoop> loops, long startUnixMillis)
      throws IOException, InterruptedException {
    int pairs = Math.max(1, (int) (options.length().toNanos() / options.slice().toNanos()));
    Comparison comparison =
        new Comparison(options.targets().get(0).toString(), options.targets().get(1).toString());
    for (int pair = 0; pair < pairs; pair++) {
      // Both sides get the same arrivals; who goes first alternates.
      Tally[] tallies = new Tally[2];
      for (int k = 0; k < 2; k++) {
        int side = (pair + k) % 2;
        double done = (2.0 * pair + k) / (2.0 * pairs);
        tallies[side] =
            turn(
                loops.get(side),
                "turn " + (pair + 1) + " of " + pairs,
                options.slice(),
                1_000 + pair,
                done,
                1 / (2.0 * pairs));
      }
      comparison.add(tallies[0], tallies[1]);
    }
    comparison.print(out);
    write(comparison.json(), startUnixMillis, List.of(comparison.a(), comparison.b()));
    return comparison.a().errors() + comparison.b().errors() == 0 ? 0 : 1;
  }

  private void write(JsonObject body, long startUnixMillis, List<Tally> tallies)
      throws IOException {
    Path json = options.json();
    if (json != null) {
      LoadReport.writeJson(body, json);
    }
    Path hlog = options.hlog();
    if (hlog != null) {
      for (int i = 0; i < tallies.size(); i++) {
        LoadReport.writeHlog(
            options.targets().get(i).toString(),
            tallies.get(i),
            startUnixMillis,
            i == 0 ? hlog : hlog.resolveSibling(hlog.getFileName() + ".b"));
      }
    }
  }
}
