/** The collector's gRPC services: they check what arrives and hand it on. */
@NullMarked
package dev.understudy.collector.intake;

import org.jspecify.annotations.NullMarked;
