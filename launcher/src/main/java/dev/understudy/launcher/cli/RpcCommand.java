package dev.understudy.launcher.cli;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.security.Tls;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * A command that makes calls to one service. Exit codes: 0 done, 1 the service refused or could not
 * be reached, 2 the command line is wrong.
 */
abstract class RpcCommand implements Callable<Integer> {

  @Spec CommandSpec spec;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description = "File with the bearer token of the service.")
  @Nullable Path tokenFile;

  @Option(
      names = "--tls-ca",
      paramLabel = "FILE",
      description = "Certificates to trust; the connection then uses TLS.")
  @Nullable Path tlsCa;

  /** Where the command calls. */
  abstract String target();

  /** Makes the calls; the channel is closed afterwards. */
  abstract int run(ManagedChannel channel) throws Exception;

  @Override
  public Integer call() throws Exception {
    String target = target();
    HostPort address;
    try {
      address = HostPort.parse(target);
    } catch (IllegalArgumentException e) {
      err().println("error: '" + target + "' is no address (expected host:port)");
      return 2;
    }
    ManagedChannel channel = Channels.open(address, options(tokenFile));
    try {
      return run(channel);
    } catch (StatusRuntimeException e) {
      err().println("error: " + explain(e, target));
      return refused();
    } finally {
      channel.shutdownNow();
      out().flush();
      err().flush();
    }
  }

  /** Exit code when the service refused or could not be reached. */
  int refused() {
    return 1;
  }

  /** How a service is spoken to. */
  ChannelOptions options(@Nullable Path token) throws IOException {
    ChannelOptions options = ChannelOptions.plaintext();
    if (token != null) {
      options = options.withToken(Files.readString(token).strip());
    }
    if (tlsCa != null) {
      options = options.withTls(Tls.client(tlsCa));
    }
    return options;
  }

  /** What went wrong, for people. */
  static String explain(StatusRuntimeException e, String target) {
    Status status = e.getStatus();
    String text = status.getDescription() == null ? "" : ": " + status.getDescription();
    if (status.getCode() == Status.Code.UNAVAILABLE
        && status.getCause() instanceof java.net.ConnectException) {
      return "nothing answers at " + target + " (" + status.getCause().getMessage() + ")";
    }
    return status.getCode() + text;
  }

  PrintWriter out() {
    return spec.commandLine().getOut();
  }

  PrintWriter err() {
    return spec.commandLine().getErr();
  }
}
