/** Holds the manifests and the Containerfile against what Kubernetes and Understudy ask of them. */
@NullMarked
package dev.understudy.k8s;

import org.jspecify.annotations.NullMarked;
