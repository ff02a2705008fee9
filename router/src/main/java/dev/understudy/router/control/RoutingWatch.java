package dev.understudy.router.control;

import dev.understudy.chassis.rpc.StreamHandler;
import dev.understudy.chassis.rpc.StreamSender;
import dev.understudy.proto.v1.RouterState;
import dev.understudy.proto.v1.RoutingUpdate;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The router's end of {@code RoutingService.Sync}: says what it runs on connecting, after each
 * table, after each change of the glass and every few seconds; takes tables and renewals. Losing
 * the controller changes nothing here: the lease runs out by itself.
 */
public final class RoutingWatch implements StreamHandler<RouterState, RoutingUpdate> {
  private final TableKeeper keeper;
  private final LongSupplier blocksUnacknowledged;
  private volatile @Nullable StreamSender<RouterState> sender;

  /** Feeds the keeper. */
  public RoutingWatch(TableKeeper keeper, LongSupplier blocksUnacknowledged) {
    this.keeper = keeper;
    this.blocksUnacknowledged = blocksUnacknowledged;
  }

  @Override
  public void onConnected(StreamSender<RouterState> connection) {
    sender = connection;
    report();
  }

  @Override
  public void onMessage(RoutingUpdate update) {
    switch (update.getUpdateCase()) {
      case TABLE -> {
        keeper.offer(update.getTable());
        report();
      }
      case RENEWAL -> {
        boolean waited = !keeper.current().confirmed();
        if (keeper.renew(update.getRenewal()) && waited) {
          report();
        }
      }
      case UPDATE_NOT_SET -> {}
    }
  }

  @Override
  public void onLost(String why) {
    sender = null;
  }

  /** Says what the router runs, if anybody listens. A report that finds no room is not queued. */
  public void report() {
    StreamSender<RouterState> connection = sender;
    if (connection != null && connection.isReady()) {
      connection.send(keeper.state(blocksUnacknowledged.getAsLong()));
    }
  }
}
