package dev.understudy.launcher.cli;

import dev.understudy.proto.v1.ListSuspectsRequest;
import dev.understudy.proto.v1.RouterAdminGrpc;
import dev.understudy.proto.v1.Suspect;
import io.grpc.ManagedChannel;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code understudy router suspects}: who asks like somebody who copies a model. */
@Command(
    name = "suspects",
    description = "List the callers of this router that are under suspicion, and why.")
final class SuspectsCommand extends RpcCommand {

  @Option(
      names = "--admin",
      paramLabel = "HOST:PORT",
      defaultValue = "${env:UNDERSTUDY_ROUTER_ADMIN:-127.0.0.1:8091}",
      description = "The router's admin port (default: ${DEFAULT-VALUE}).")
  String admin;

  @Override
  String target() {
    return admin;
  }

  @Override
  int run(ManagedChannel channel) {
    List<Suspect> suspects =
        RouterAdminGrpc.newBlockingStub(channel)
            .listSuspects(ListSuspectsRequest.getDefaultInstance())
            .getSuspectsList();
    if (suspects.isEmpty()) {
      out().println("nobody is under suspicion");
    }
    for (Suspect suspect : suspects) {
      out().println(line(suspect));
    }
    return 0;
  }

  private static String line(Suspect suspect) {
    return String.format(
        Locale.ROOT,
        "%s  %s  since %s  near-duplicates %.0f%%  near the boundary %.0f%%  %d calls this minute"
            + " (usual: %s)  throttled %d",
        // A name may come from a caller's own token.
        suspect.getPrincipal().replaceAll("\\p{Cntrl}", "?"),
        String.join(",", suspect.getPatternsList()),
        Instant.ofEpochMilli(suspect.getSinceUnixMs()),
        100 * suspect.getNearDuplicates(),
        100 * suspect.getNearBoundary(),
        suspect.getCallsThisMinute(),
        suspect.hasUsualPerMinute()
            ? String.format(Locale.ROOT, "%.0f", suspect.getUsualPerMinute())
            : "not known yet",
        suspect.getThrottled());
  }
}
