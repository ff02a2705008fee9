package dev.understudy.collector.outcomes;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.chassis.rpc.StreamHandler;
import dev.understudy.chassis.rpc.StreamSender;
import dev.understudy.collector.predictions.Database;
import dev.understudy.proto.v1.LabelAck;
import dev.understudy.proto.v1.LabelledPrediction;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Labelled predictions on their way to the comparator. They are stored in the transaction that
 * makes them, sent in sequence, and deleted when they are acknowledged; after an interruption all
 * that is left is sent again. The sequence goes on across restarts of the collector, so that the
 * comparator can tell what it has seen.
 *
 * <p>The stream's callbacks come from any thread and only leave notes; the rest is the write
 * thread's.
 */
public final class Outbox implements StreamHandler<LabelledPrediction, LabelAck> {
  private static final Logger log = Logger.getLogger(Outbox.class.getName());
  private static final int WINDOW = 1024;
  private static final int READ = 256;

  private final Database database;
  private final long maxRecords;
  private final AtomicLong acknowledged = new AtomicLong();
  private volatile @Nullable StreamSender<LabelledPrediction> peer;
  private volatile long waiting;

  // The write thread's.
  private @Nullable StreamSender<LabelledPrediction> served;
  private long sent;
  private long deleted;

  /**
   * The outbox in this database.
   *
   * @param maxRecords that wait for an acknowledgement; beyond, new ones are refused
   */
  public Outbox(Database database, long maxRecords) {
    this.database = database;
    this.maxRecords = maxRecords;
  }

  /** Records that have not been acknowledged. */
  public long waiting() {
    return waiting;
  }

  /** Whether the comparator is connected. */
  public boolean isConnected() {
    return peer != null;
  }

  @Override
  public void onConnected(StreamSender<LabelledPrediction> sender) {
    peer = sender;
  }

  @Override
  public void onMessage(LabelAck ack) {
    acknowledged.accumulateAndGet(ack.getSequence(), Math::max);
  }

  @Override
  public void onLost(String why) {
    peer = null;
  }

  /** Stores a record for sending; false if there is no room. */
  boolean add(LabelledPrediction label) throws SQLException {
    if (waiting >= maxRecords) {
      return false;
    }
    var statement = database.prepare("INSERT INTO outbox(record) VALUES(?)");
    statement.setBytes(1, label.toByteArray());
    statement.executeUpdate();
    return true;
  }

  /** Deletes what has been acknowledged; says whether there was anything. */
  boolean clean() throws SQLException {
    // Only what was sent can have been acknowledged, whatever the peer says.
    long upTo = Math.min(acknowledged.get(), sent);
    if (upTo <= deleted) {
      return false;
    }
    var statement = database.prepare("DELETE FROM outbox WHERE sequence <= ?");
    statement.setLong(1, upTo);
    statement.executeUpdate();
    deleted = upTo;
    return true;
  }

  /** Sends what the window and the connection take. */
  void send() throws SQLException {
    count();
    var sender = peer;
    if (sender == null) {
      served = null;
      return;
    }
    if (!sender.equals(served)) {
      served = sender;
      sent = Math.max(deleted, Math.min(acknowledged.get(), sent));
    }
    while (sender.isReady()) {
      long room = Math.min(READ, WINDOW - (sent - Math.max(deleted, acknowledged.get())));
      if (room <= 0 || sendSome(sender, room) == 0) {
        return;
      }
    }
  }

  private int sendSome(StreamSender<LabelledPrediction> sender, long limit) throws SQLException {
    var statement =
        database.prepare(
            "SELECT sequence, record FROM outbox WHERE sequence > ? ORDER BY sequence LIMIT ?");
    statement.setLong(1, sent);
    statement.setLong(2, limit);
    int count = 0;
    try (ResultSet row = statement.executeQuery()) {
      while (row.next()) {
        long sequence = row.getLong(1);
        try {
          var label = LabelledPrediction.parseFrom(row.getBytes(2));
          if (!sender.send(label.toBuilder().setSequence(sequence).build())) {
            return 0;
          }
        } catch (InvalidProtocolBufferException e) {
          log.log(Level.WARNING, "Label {0} is damaged and is skipped", sequence);
        }
        sent = sequence;
        count++;
      }
    }
    return count;
  }

  private void count() throws SQLException {
    try (ResultSet row =
        database.prepare("SELECT max(sequence), min(sequence) FROM outbox").executeQuery()) {
      long last = row.getLong(1);
      waiting = last == 0 ? 0 : last - row.getLong(2) + 1;
    }
  }
}
