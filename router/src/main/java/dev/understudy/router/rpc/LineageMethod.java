package dev.understudy.router.rpc;

import dev.understudy.proto.v1.CollectorIntakeGrpc;
import dev.understudy.proto.v1.LineageAck;
import dev.understudy.router.record.Lineage;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import java.io.ByteArrayInputStream;
import java.io.InputStream;

/** {@code SendLineage} with batches that are serialized already. */
public final class LineageMethod {
  private LineageMethod() {}

  /** The method; it sends and does not receive. */
  public static MethodDescriptor<Lineage.Batch, LineageAck> get() {
    var generated = CollectorIntakeGrpc.getSendLineageMethod();
    return generated.toBuilder(new Batches(), generated.getResponseMarshaller()).build();
  }

  private static final class Batches implements MethodDescriptor.Marshaller<Lineage.Batch> {
    @Override
    public InputStream stream(Lineage.Batch batch) {
      return new Bytes(batch.bytes());
    }

    @Override
    public Lineage.Batch parse(InputStream stream) {
      throw new UnsupportedOperationException("batches are sent, not received");
    }
  }

  private static final class Bytes extends ByteArrayInputStream implements KnownLength {
    Bytes(byte[] bytes) {
      super(bytes);
    }
  }
}
