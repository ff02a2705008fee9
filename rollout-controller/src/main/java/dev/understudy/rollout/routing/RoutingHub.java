package dev.understudy.rollout.routing;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.LeaseRenewal;
import dev.understudy.proto.v1.RouterState;
import dev.understudy.proto.v1.RoutingServiceGrpc;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.RoutingUpdate;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Serves the routing table. A router that connects gets it at once, then each new one, and lease
 * renewals in between; what it says back is remembered, also after it went away.
 *
 * <p>A router that reads slowly gets the newest table when it can take one, never a queue of old
 * ones. Two connections of one name: the newer counts.
 *
 * <p>Safe for use by any thread. The listener is called on gRPC's threads, outside of any lock.
 */
public final class RoutingHub extends RoutingServiceGrpc.RoutingServiceImplBase {
  /** How many routers are remembered; beyond it the one gone longest is forgotten. */
  static final int MAX_ROUTERS = 1024;

  private static final Logger log = Logger.getLogger(RoutingHub.class.getName());

  /** Told of what routers say. */
  public interface Listener {
    /** A router reported, or went away. */
    void onRouters();

    /** A router has seen a newer controller: this one must not lead any more. */
    void onNewerEpoch(long epoch);
  }

  private final long epoch;
  private final TimeSource time;
  private final Listener listener;
  private final Map<String, Connection> routers = new LinkedHashMap<>();
  private @Nullable RoutingTable table;

  /**
   * A hub without a table: routers wait until there is one.
   *
   * @param epoch of this controller
   */
  public RoutingHub(long epoch, TimeSource time, Listener listener) {
    this.epoch = epoch;
    this.time = time;
    this.listener = listener;
  }

  /** Puts a table in force: every connected router gets it now. */
  public void publish(RoutingTable next) {
    List<Connection> open;
    synchronized (this) {
      table = next;
      open = connected();
    }
    open.forEach(Connection::sendTable);
  }

  /** The table in force. */
  public synchronized @Nullable RoutingTable table() {
    return table;
  }

  /** Renews the lease of every router that runs the table in force. */
  public void renew() {
    RoutingTable current;
    List<Connection> open;
    synchronized (this) {
      current = table;
      open = connected();
    }
    if (current == null) {
      return;
    }
    RoutingUpdate renewal =
        RoutingUpdate.newBuilder()
            .setRenewal(
                LeaseRenewal.newBuilder()
                    .setRevision(current.getRevision())
                    .setEpoch(current.getEpoch())
                    .setLeaseMs(current.getLeaseMs()))
            .build();
    open.forEach(connection -> connection.sendRenewal(renewal));
  }

  /** What routers report, those that went away included. */
  public synchronized List<RouterState> routers() {
    List<RouterState> states = new ArrayList<>();
    for (Connection router : routers.values()) {
      states.add(
          router.state.toBuilder()
              .setLastSeenUnixMs(router.seenMillis)
              .setConnected(router.open)
              .build());
    }
    return states;
  }

  /** The revision of this epoch that every connected router has reached; empty without routers. */
  public synchronized OptionalLong appliedByAll(long epoch) {
    return connected().stream()
        .mapToLong(router ->
            router.state.getAppliedEpoch() == epoch ? router.state.getAppliedRevision() : 0)
        .min();
  }

  /**
   * The revision of this epoch that every router has reached that was ever heard of in it, those
   * that went away included: they may go on serving by the table they have. Empty without routers.
   */
  public synchronized OptionalLong appliedByRemembered(long epoch) {
    return routers.values().stream()
        .mapToLong(router ->
            router.state.getAppliedEpoch() == epoch ? router.state.getAppliedRevision() : 0)
        .min();
  }

  /** The most blocks of evidence that wait for the judge at any connected router. */
  public synchronized long unacknowledgedBlocks() {
    return connected().stream()
        .mapToLong(router -> router.state.getEvidenceBlocksUnacknowledged())
        .map(blocks -> blocks < 0 ? Long.MAX_VALUE : blocks)
        .max()
        .orElse(0);
  }

  /** How many routers are connected. */
  public synchronized int connectedCount() {
    return connected().size();
  }

  @Override
  public StreamObserver<RouterState> sync(StreamObserver<RoutingUpdate> responses) {
    var connection = new Connection((ServerCallStreamObserver<RoutingUpdate>) responses);
    connection.responses.setOnReadyHandler(connection::flush);
    connection.responses.setOnCancelHandler(() -> leave(connection));
    return connection;
  }

  private synchronized List<Connection> connected() {
    return routers.values().stream().filter(router -> router.open).toList();
  }

  private void report(Connection connection, RouterState state) {
    if (state.getRouter().isEmpty()) {
      throw Fault.of(
          Status.Code.INVALID_ARGUMENT,
          "ROUTER_WITHOUT_NAME",
          "router: is empty (expected: a name)");
    }
    boolean isNew;
    synchronized (this) {
      isNew = connection.state.getRouter().isEmpty();
      connection.state = state.toBuilder().clearLastSeenUnixMs().clearConnected().build();
      connection.seenMillis = time.wallMillis();
      if (isNew) {
        Connection before = routers.remove(state.getRouter());
        if (before != null) {
          before.open = false;
        }
        routers.put(state.getRouter(), connection);
        forgetOldest();
      }
    }
    if (state.getAppliedEpoch() > epoch) {
      listener.onNewerEpoch(state.getAppliedEpoch());
    }
    if (!state.getRefusal().isEmpty()) {
      log.warning(
          () -> "router " + state.getRouter() + " refuses the table: " + state.getRefusal());
    }
    if (isNew) {
      connection.sendTable();
    }
    listener.onRouters();
  }

  private void forgetOldest() {
    if (routers.size() > MAX_ROUTERS) {
      routers.values().stream()
          .filter(router -> !router.open)
          .min(Comparator.comparingLong(router -> router.seenMillis))
          .ifPresent(router -> routers.remove(router.state.getRouter()));
    }
  }

  private void leave(Connection connection) {
    synchronized (this) {
      connection.open = false;
    }
    listener.onRouters();
  }

  private final class Connection implements StreamObserver<RouterState> {
    private final ServerCallStreamObserver<RoutingUpdate> responses;

    // Guarded by the hub.
    private RouterState state = RouterState.getDefaultInstance();
    private long seenMillis;
    private boolean open = true;

    // Guarded by this.
    private @Nullable RoutingTable sent;
    private boolean ended;

    Connection(ServerCallStreamObserver<RoutingUpdate> responses) {
      this.responses = responses;
    }

    @Override
    public void onNext(RouterState next) {
      try {
        report(this, next);
      } catch (Fault fault) {
        end();
        leave(this);
        Fault.fail(responses, fault);
      }
    }

    @Override
    public void onError(Throwable lost) {
      end();
      leave(this);
    }

    @Override
    public void onCompleted() {
      end();
      leave(this);
      responses.onCompleted();
    }

    void flush() {
      boolean known;
      synchronized (RoutingHub.this) {
        known = open && !state.getRouter().isEmpty();
      }
      if (known) {
        sendTable();
      }
    }

    void sendTable() {
      synchronized (this) {
        // Read under this lock, so that an older table never follows a newer one.
        RoutingTable newest = table();
        if (newest == null || newest.equals(sent) || ended || !responses.isReady()) {
          return;
        }
        sent = newest;
        send(RoutingUpdate.newBuilder().setTable(newest).build());
      }
    }

    synchronized void sendRenewal(RoutingUpdate renewal) {
      if (sent == null || sent.getRevision() != renewal.getRenewal().getRevision()) {
        sendTable();
      } else if (!ended && responses.isReady()) {
        send(renewal);
      }
    }

    private void send(RoutingUpdate update) {
      try {
        responses.onNext(update);
      } catch (RuntimeException gone) {
        ended = true;
      }
    }

    private synchronized void end() {
      ended = true;
    }
  }
}
