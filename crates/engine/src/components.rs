//! Connected components and bridges of an undirected graph with parallel links.
//!
//! Components by union-find; bridges by lowlinks of one depth-first search (Tarjan, Inf. Process. Lett. 2(6), 1974,
//! DOI 10.1016/0020-0190(74)90003-9): the link by which a node was entered is a bridge when nothing below the node reaches
//! above it by another link.

/// Component of each of `n` nodes and the number of components; numbers follow the lowest node of each component, so they
/// do not depend on the order of links.
pub(crate) fn components(n: usize, links: impl IntoIterator<Item = (usize, usize)>) -> (Vec<usize>, usize) {
    let mut root: Vec<usize> = (0..n).collect();
    fn find(root: &mut [usize], mut i: usize) -> usize {
        while root[i] != i {
            root[i] = root[root[i]];
            i = root[i];
        }
        i
    }
    for (a, b) in links {
        let (x, y) = (find(&mut root, a), find(&mut root, b));
        root[x.max(y)] = x.min(y);
    }
    let mut component = vec![0; n];
    let mut count = 0;
    for i in 0..n {
        // The root is the lowest node of its component, so it is numbered before the rest.
        let r = find(&mut root, i);
        if r == i {
            component[i] = count;
            count += 1;
        } else {
            component[i] = component[r];
        }
    }
    (component, count)
}

/// For each link, whether its loss disconnects its ends. `None` stands for a link that is not there.
pub(crate) fn bridges(n: usize, links: &[Option<(usize, usize)>]) -> Vec<bool> {
    let mut start = vec![0; n + 1];
    for &(a, b) in links.iter().flatten() {
        start[a + 1] += 1;
        start[b + 1] += 1;
    }
    for i in 0..n {
        start[i + 1] += start[i];
    }
    let mut place = start.clone();
    let mut around = vec![(0, 0); start[n]];
    for (k, link) in links.iter().enumerate() {
        if let &Some((a, b)) = link {
            for (x, y) in [(a, b), (b, a)] {
                around[place[x]] = (y, k);
                place[x] += 1;
            }
        }
    }
    let mut is_bridge = vec![false; links.len()];
    // Order of discovery, 0 for unseen; the lowest order reached from the subtree; the next neighbour to look at.
    let (mut seen, mut low) = (vec![0; n], vec![0; n]);
    let mut next = start.clone();
    let mut clock = 0;
    let mut path: Vec<(usize, usize)> = Vec::new();
    for top in 0..n {
        if seen[top] != 0 {
            continue;
        }
        clock += 1;
        (seen[top], low[top]) = (clock, clock);
        path.push((top, usize::MAX));
        while let Some(&(i, entered)) = path.last() {
            if next[i] < start[i + 1] {
                let (j, link) = around[next[i]];
                next[i] += 1;
                if seen[j] == 0 {
                    clock += 1;
                    (seen[j], low[j]) = (clock, clock);
                    path.push((j, link));
                } else if link != entered {
                    low[i] = low[i].min(seen[j]);
                }
            } else {
                path.pop();
                if let Some(&(above, _)) = path.last() {
                    low[above] = low[above].min(low[i]);
                    is_bridge[entered] = low[i] > seen[above];
                }
            }
        }
    }
    is_bridge
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn components_are_numbered_by_their_lowest_node() {
        assert_eq!(components(5, [(4, 1), (2, 3)]), (vec![0, 1, 2, 2, 1], 3));
    }

    #[test]
    fn a_parallel_link_is_no_bridge_and_a_tail_is() {
        let links = [Some((0, 1)), Some((1, 0)), Some((1, 2)), None, Some((3, 3))];
        assert_eq!(bridges(4, &links), [false, false, true, false, false]);
    }

    proptest! {
        #[test]
        fn a_bridge_is_a_link_whose_loss_adds_a_component(
            n in 1usize..12,
            pairs in proptest::collection::vec((0usize..12, 0usize..12), 0..24),
        ) {
            let links: Vec<(usize, usize)> = pairs.iter().map(|&(a, b)| (a % n, b % n)).collect();
            let found = bridges(n, &links.iter().copied().map(Some).collect::<Vec<_>>());
            let (_, whole) = components(n, links.iter().copied());
            for k in 0..links.len() {
                let (_, without) = components(n, links.iter().enumerate().filter(|&(e, _)| e != k).map(|(_, &l)| l));
                prop_assert_eq!(found[k], without > whole, "link {}", k);
            }
        }
    }
}
