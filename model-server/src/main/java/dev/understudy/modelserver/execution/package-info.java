/**
 * Running a batch: the backend's contract, its implementation on ONNX Runtime, and what to do when
 * a batch fails.
 */
@NullMarked
package dev.understudy.modelserver.execution;

import org.jspecify.annotations.NullMarked;
