/** The Open Inference Protocol on the wire: calls in, answers, errors and streams out. */
@NullMarked
package dev.understudy.modelserver.frontend;

import org.jspecify.annotations.NullMarked;
