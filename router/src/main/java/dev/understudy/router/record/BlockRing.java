package dev.understudy.router.record;

import dev.understudy.chassis.rpc.StreamHandler;
import dev.understudy.chassis.rpc.StreamSender;
import dev.understudy.proto.v1.BlockAck;
import dev.understudy.proto.v1.EvidenceBlock;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Blocks that have not been acknowledged, oldest first: after an interruption they are sent again
 * from the first. Bounded in number and bytes; what is overrun is lost, counted, and seen by the
 * judge as a gap in the sequence. Any thread.
 */
public final class BlockRing implements StreamHandler<EvidenceBlock, BlockAck> {
  private final int maxBlocks;
  private final long maxBytes;
  private final ArrayDeque<EvidenceBlock> blocks = new ArrayDeque<>();
  private @Nullable StreamSender<EvidenceBlock> sender;
  private long bytes;
  private long sentUpTo;
  private long overrun;

  /** A ring of at most so many blocks and bytes. */
  public BlockRing(int maxBlocks, long maxBytes) {
    this.maxBlocks = maxBlocks;
    this.maxBytes = maxBytes;
  }

  /** Takes the newest block and sends it if there is a connection. */
  public synchronized void add(EvidenceBlock block) {
    blocks.addLast(block);
    bytes += block.getSerializedSize();
    while (blocks.size() > maxBlocks || (bytes > maxBytes && blocks.size() > 1)) {
      bytes -= blocks.removeFirst().getSerializedSize();
      overrun++;
    }
    send();
  }

  /** Blocks not acknowledged. */
  public synchronized int unacknowledged() {
    return blocks.size();
  }

  /** Blocks lost because nobody acknowledged them in time. */
  public synchronized long overrun() {
    return overrun;
  }

  @Override
  public synchronized void onConnected(StreamSender<EvidenceBlock> connection) {
    sender = connection;
    sentUpTo = 0;
    send();
  }

  @Override
  public synchronized void onReady(StreamSender<EvidenceBlock> connection) {
    send();
  }

  @Override
  public synchronized void onMessage(BlockAck ack) {
    while (!blocks.isEmpty()
        && blocks.getFirst().getBootId().equals(ack.getBootId())
        && blocks.getFirst().getSequence() <= ack.getSequence()) {
      bytes -= blocks.removeFirst().getSerializedSize();
    }
  }

  @Override
  public synchronized void onLost(String why) {
    sender = null;
  }

  private void send() {
    StreamSender<EvidenceBlock> connection = sender;
    if (connection == null) {
      return;
    }
    for (EvidenceBlock block : blocks) {
      if (block.getSequence() <= sentUpTo) {
        continue;
      }
      if (!connection.isReady() || !connection.send(block)) {
        return;
      }
      sentUpTo = block.getSequence();
    }
  }
}
