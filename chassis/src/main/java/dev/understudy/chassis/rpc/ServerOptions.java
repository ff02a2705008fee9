package dev.understudy.chassis.rpc;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.security.Tls;
import io.grpc.BindableService;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * How a gRPC server is to be set up.
 *
 * @param address where to listen; port 0 takes any free one
 * @param services what it serves, beside the health service
 * @param interceptors the first is outermost
 * @param tls null for plaintext
 * @param token the bearer token that callers must present, or null
 * @param serviceTokens by full service name: accepted besides {@code token}, for that service only
 * @param servicesAuthenticate whether the services know their callers themselves, which counts as a
 *     token when the address is off loopback
 * @param selfTranslated full names of methods whose handlers throw nothing and close with the right
 *     status by themselves: the translation of faults is left out of their way
 * @param maxMessageBytes the largest message that is accepted
 * @param directExecutor whether handlers run on the event loops, where they must not block
 * @param executor runs the handlers otherwise; null means a virtual thread for each call
 * @param eventLoops shared threads, or null for gRPC's own
 * @param reflection whether clients may ask for the protocol's descriptors
 * @param maxConnectionAge after which a connection is asked to end, or null; spreads clients anew
 * @param maxConcurrentCalls of one connection
 * @param lameDuck how long a draining server goes on serving after it has said NOT_SERVING
 */
public record ServerOptions(
    HostPort address,
    List<ServerServiceDefinition> services,
    List<ServerInterceptor> interceptors,
    @Nullable Tls tls,
    @Nullable String token,
    Map<String, String> serviceTokens,
    boolean servicesAuthenticate,
    Set<String> selfTranslated,
    int maxMessageBytes,
    boolean directExecutor,
    @Nullable Executor executor,
    @Nullable EventLoops eventLoops,
    boolean reflection,
    @Nullable Duration maxConnectionAge,
    int maxConcurrentCalls,
    Duration lameDuck) {

  /** The default of {@link #maxMessageBytes}: {@value}. */
  public static final int MAX_MESSAGE_BYTES = 64 << 20;

  /** The default of {@link #maxConcurrentCalls}: {@value}. */
  public static final int MAX_CONCURRENT_CALLS = 1024;

  /** Keeps its own copies of the collections. */
  public ServerOptions {
    services = List.copyOf(services);
    interceptors = List.copyOf(interceptors);
    serviceTokens = Map.copyOf(serviceTokens);
    selfTranslated = Set.copyOf(selfTranslated);
  }

  /** Starts with the defaults. */
  public static Builder at(HostPort address) {
    return new Builder(address);
  }

  @Override
  public String toString() {
    // Without the tokens.
    return "ServerOptions["
        + address
        + ", tls="
        + (tls != null)
        + ", token="
        + (token != null)
        + ", serviceTokens="
        + serviceTokens.keySet()
        + "]";
  }

  /** Collects options; for one thread. */
  public static final class Builder {
    private final HostPort address;
    private final List<ServerServiceDefinition> services = new ArrayList<>();
    private final List<ServerInterceptor> interceptors = new ArrayList<>();
    private @Nullable Tls tls;
    private @Nullable String token;
    private final Map<String, String> serviceTokens = new HashMap<>();
    private boolean servicesAuthenticate;
    private Set<String> selfTranslated = Set.of();
    private int maxMessageBytes = MAX_MESSAGE_BYTES;
    private boolean directExecutor;
    private @Nullable Executor executor;
    private @Nullable EventLoops eventLoops;
    private boolean reflection;
    private @Nullable Duration maxConnectionAge;
    private int maxConcurrentCalls = MAX_CONCURRENT_CALLS;
    private Duration lameDuck = Duration.ZERO;

    private Builder(HostPort address) {
      this.address = address;
    }

    /** Adds a service. */
    public Builder service(BindableService service) {
      return service(service.bindService());
    }

    /** Adds a service. */
    public Builder service(ServerServiceDefinition service) {
      services.add(service);
      return this;
    }

    /** Adds an interceptor inside of those added before. */
    public Builder intercept(ServerInterceptor interceptor) {
      interceptors.add(interceptor);
      return this;
    }

    /** Encrypts; null for plaintext. */
    public Builder tls(@Nullable Tls value) {
      tls = value;
      return this;
    }

    /** Requires a bearer token; null for none. */
    public Builder token(@Nullable String value) {
      token = value;
      return this;
    }

    /**
     * Accepts another token for one service; null for none. It has no effect without {@link
     * #token(String)}.
     *
     * @param service its full name
     */
    public Builder serviceToken(String service, @Nullable String value) {
      if (value != null) {
        serviceTokens.put(service, value);
      }
      return this;
    }

    /** Says that the services refuse callers whom they do not know, all by themselves. */
    public Builder servicesAuthenticate(boolean value) {
      servicesAuthenticate = value;
      return this;
    }

    /** Leaves the translation of faults to the handlers of these methods, given by full name. */
    public Builder selfTranslated(Set<String> methods) {
      selfTranslated = methods;
      return this;
    }

    /** Bounds inbound messages. */
    public Builder maxMessageBytes(int value) {
      maxMessageBytes = value;
      return this;
    }

    /** Runs handlers on the event loops. */
    public Builder directExecutor(boolean value) {
      directExecutor = value;
      return this;
    }

    /** Runs handlers on this executor. */
    public Builder executor(Executor value) {
      executor = value;
      return this;
    }

    /** Shares threads with other servers and channels; null for gRPC's own. */
    public Builder eventLoops(@Nullable EventLoops value) {
      eventLoops = value;
      return this;
    }

    /** Serves the protocol's descriptors. */
    public Builder reflection(boolean value) {
      reflection = value;
      return this;
    }

    /** Asks connections to end after this time. */
    public Builder maxConnectionAge(@Nullable Duration value) {
      maxConnectionAge = value;
      return this;
    }

    /** Bounds the calls of one connection. */
    public Builder maxConcurrentCalls(int value) {
      maxConcurrentCalls = value;
      return this;
    }

    /** Goes on serving for this long after saying NOT_SERVING. */
    public Builder lameDuck(Duration value) {
      lameDuck = value;
      return this;
    }

    /** The options. */
    public ServerOptions build() {
      return new ServerOptions(
          address,
          services,
          interceptors,
          tls,
          token,
          serviceTokens,
          servicesAuthenticate,
          selfTranslated,
          maxMessageBytes,
          directExecutor,
          executor,
          eventLoops,
          reflection,
          maxConnectionAge,
          maxConcurrentCalls,
          lameDuck);
    }
  }
}
