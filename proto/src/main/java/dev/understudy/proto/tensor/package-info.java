/** Reads, checks and writes the tensors of the Open Inference Protocol in place, without copies. */
@NullMarked
package dev.understudy.proto.tensor;

import org.jspecify.annotations.NullMarked;
