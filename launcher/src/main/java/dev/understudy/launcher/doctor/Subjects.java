package dev.understudy.launcher.doctor;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.security.Tls;
import dev.understudy.collector.CollectorConfig;
import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.launcher.control.ControlConfig;
import dev.understudy.launcher.doctor.Peer.Kind;
import dev.understudy.rollout.ControllerConfig;
import dev.understudy.rollout.routing.ModelConfig;
import dev.understudy.router.config.RouterConfig;
import dev.understudy.router.upstream.Profile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Whom to look at, gathered from addresses and configurations. The first mention of an address
 * counts: a service's own configuration knows its token, others may not. Not safe for use by
 * several threads.
 */
public final class Subjects {
  private final Map<HostPort, Peer> peers = new LinkedHashMap<>();
  private final Map<Path, String> folders = new LinkedHashMap<>();
  private ChannelOptions servers = ChannelOptions.plaintext();

  /** Nobody yet. */
  public Subjects() {}

  /** Looks at a service. An address with port 0 is known to nobody and left out. */
  public void peer(Kind kind, HostPort address, ChannelOptions options) {
    HostPort at =
        address.host().equals("0.0.0.0") || address.host().equals("::")
            ? HostPort.loopback(address.port())
            : address;
    if (at.port() != 0) {
      peers.putIfAbsent(at, new Peer(kind, at, options));
    }
  }

  /** How model servers are spoken to that only a routing table names. */
  public void servers(ChannelOptions options) {
    servers = options;
  }

  /**
   * Looks at what a configuration names: a router's, control's, or that of a service of control.
   *
   * @throws ConfigException of the kind that it fits best, when it is none of them
   */
  public void config(Path file) {
    List<Consumer<Path>> readers =
        List.of(
            path -> router(RouterConfig.read(path)),
            path -> control(ControlConfig.read(path)),
            path -> comparator(ComparatorConfig.read(path)),
            path -> controller(ControllerConfig.read(path)),
            path -> collector(CollectorConfig.read(path)));
    ConfigException best = null;
    for (Consumer<Path> reader : readers) {
      try {
        reader.accept(file);
        return;
      } catch (ConfigException e) {
        if (best == null || e.problems().size() < best.problems().size()) {
          best = e;
        }
      }
    }
    if (best != null) {
      throw best;
    }
  }

  private void router(RouterConfig config) {
    peer(Kind.ROUTER, config.admin(), own(config.tls(), config.token()));
    folder("router", config.state());
    ChannelOptions others =
        ChannelOptions.plaintext().withTls(config.peers().tls()).withToken(config.peers().token());
    optional(Kind.CONTROLLER, config.controller(), others);
    optional(Kind.COMPARATOR, config.evidence(), others);
    optional(Kind.COLLECTOR, config.collector(), others);
    Profile profile = config.upstream().profiles().get("");
    servers(
        profile == null
            ? ChannelOptions.plaintext()
            : ChannelOptions.plaintext().withTls(profile.tls()).withToken(profile.token()));
  }

  private void control(ControlConfig config) {
    comparator(config.comparator());
    controller(config.controller());
    collector(config.collector());
  }

  private void comparator(ComparatorConfig config) {
    peer(Kind.COMPARATOR, config.listen(), own(config.tls(), config.token()));
    folder("comparator", config.state());
  }

  private void controller(ControllerConfig config) {
    peer(Kind.CONTROLLER, config.listen(), own(config.tls(), config.token()));
    folder("controller", config.state());
    ChannelOptions fleet =
        ChannelOptions.plaintext().withTls(config.serversTls()).withToken(config.serversToken());
    servers(fleet);
    for (ModelConfig model : config.models().values()) {
      Stream.of(model.championFleet(), model.challengerFleet(), model.controlFleet())
          .flatMap(List::stream)
          .forEach(server -> peer(Kind.MODEL_SERVER, server, fleet));
    }
  }

  private void collector(CollectorConfig config) {
    peer(Kind.COLLECTOR, config.listen(), own(config.tls(), config.token()));
    folder("collector", config.state());
  }

  private void optional(Kind kind, @Nullable HostPort address, ChannelOptions options) {
    if (address != null) {
      peer(kind, address, options);
    }
  }

  private void folder(String owner, @Nullable Path folder) {
    if (folder != null) {
      folders.putIfAbsent(folder, owner);
    }
  }

  /** To a service of which we know its own certificate, which is trusted as it is. */
  private static ChannelOptions own(@Nullable Tls tls, @Nullable String token) {
    Path chain = tls == null ? null : tls.certificateChain();
    return ChannelOptions.plaintext()
        .withTls(chain == null ? null : Tls.client(chain))
        .withToken(token);
  }

  /** Whether there is nobody to ask. */
  public boolean isEmpty() {
    return peers.isEmpty();
  }

  List<Peer> peers() {
    return List.copyOf(peers.values());
  }

  Map<Path, String> folders() {
    return folders;
  }

  ChannelOptions toServer(HostPort address) {
    Peer known = peers.get(address);
    return known == null ? servers : known.options();
  }
}
