package dev.understudy.launcher.cli;

import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.security.Tls;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How servers that are named on the command line are reached. */
final class Reach {
  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description = "File with the bearer token of the servers.")
  @Nullable Path tokenFile;

  @Option(
      names = "--tls-ca",
      paramLabel = "FILE",
      description = "Certificates to trust; connections then use TLS.")
  @Nullable Path tlsCa;

  private Reach() {}

  ChannelOptions options() throws IOException {
    ChannelOptions options = ChannelOptions.plaintext();
    if (tokenFile != null) {
      options = options.withToken(Files.readString(tokenFile).strip());
    }
    if (tlsCa != null) {
      options = options.withTls(Tls.client(tlsCa));
    }
    return options;
  }
}
