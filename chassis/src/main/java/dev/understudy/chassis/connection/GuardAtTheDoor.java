package dev.understudy.chassis.connection;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslHandler;

/**
 * Puts the guard where frames can be read: behind TLS where there is TLS. Who serves the connection
 * adds its TLS handler only when the connection is active, so this waits for the first bytes.
 */
final class GuardAtTheDoor extends ChannelInboundHandlerAdapter {
  private final ConnectionGuard guard;

  GuardAtTheDoor(ConnectionGuards guards) {
    this.guard = new ConnectionGuard(guards);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    if (ctx.channel().isRegistered()) {
      guard.watch(ctx.channel());
    }
  }

  @Override
  public void channelRegistered(ChannelHandlerContext ctx) {
    guard.watch(ctx.channel());
    ctx.fireChannelRegistered();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ChannelHandlerContext tls = ctx.pipeline().context(SslHandler.class);
    if (tls == null) {
      ctx.pipeline().addAfter(ctx.name(), "guard", guard);
    } else {
      ctx.pipeline().addAfter(tls.name(), "guard", guard);
    }
    ctx.pipeline().remove(this);
    ctx.fireChannelRead(message);
  }
}
