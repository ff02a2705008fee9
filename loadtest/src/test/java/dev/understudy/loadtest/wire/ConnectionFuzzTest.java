package dev.understudy.loadtest.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.grpc.Status;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Whatever a server sends, every call ends exactly once, and nothing but frames is sent back. */
final class ConnectionFuzzTest {

  /** Hears what the connection says. */
  private static final class Heard implements Owner {
    final List<Status.Code> ends = new ArrayList<>();
    boolean opened;
    int lost;

    @Override
    public void dirty(Connection connection) {}

    @Override
    public void opened() {
      opened = true;
    }

    @Override
    public void roomAgain() {}

    @Override
    public void end(Exchange exchange, Status.Code code, String detail, long nanos) {
      ends.add(code);
    }

    @Override
    public void lost(Connection connection, String why) {
      lost++;
    }

    @Override
    public void replace(Connection connection) {}
  }

  @FuzzTest(maxDuration = "20s")
  void everyCallEndsOnceWhateverTheServerSends(byte[] sent) {
    Heard heard = new Heard();
    Connection connection =
        new Connection(
            heard, new RequestHeaders("a:1", false, Duration.ofSeconds(1), List.of("token")));
    EmbeddedChannel channel = new EmbeddedChannel(connection);
    // An empty SETTINGS frame opens the connection; the input's first byte says how it is cut.
    channel.writeInbound(Unpooled.wrappedBuffer(new byte[] {0, 0, 0, 4, 0, 0, 0, 0, 0}));
    assertTrue(heard.opened);
    int calls = 3;
    for (int i = 0; i < calls; i++) {
      connection.start(new Exchange().of(new byte[40_000 * i], 0, 0, 0), 0);
    }
    connection.flush();
    int step = sent.length == 0 ? 1 : 1 + (sent[0] & 0xff);
    for (int at = 1; at < sent.length && channel.isOpen(); at += step) {
      channel.writeInbound(Unpooled.copiedBuffer(sent, at, Math.min(step, sent.length - at)));
    }
    connection.close("over");
    connection.close("again");
    assertEquals(calls, heard.ends.size());
    assertEquals(1, heard.lost);
    for (ByteBuf out = channel.readOutbound(); out != null; out = channel.readOutbound()) {
      assertTrue(out.isReadable());
      out.release();
    }
    channel.finishAndReleaseAll();
  }
}
