function mpc = network
% Italy and its ties, 28 September 2003, 03:00. Reduced and curated for Buttress, Apache-2.0; see README.md.
% Reactances: 0.31 ohm/km at 380 kV, 0.40 ohm/km at 220 kV, over lengths from towns; 'equivalent' rows are fitted to the flows by border.
mpc.version = '2';
mpc.baseMVA = 100;

% bus_i type Pd Qd Gs Bs area Vm Va baseKV zone Vmax Vmin
mpc.bus = [
	1	3	200000	0	0	0	1	1	0	380	1	1.1	0.9;	% UCTE
	2	1	0	0	0	0	1	1	0	380	1	1.1	0.9;	% Mettlen
	3	1	0	0	0	0	1	1	0	380	1	1.1	0.9;	% Lavorgo
	4	1	0	0	0	0	1	1	0	380	1	1.1	0.9;	% Sils
	5	1	0	0	0	0	1	1	0	380	1	1.1	0.9;	% Soazza
	6	1	0	0	0	0	1	1	0	220	1	1.1	0.9;	% Airolo
	7	1	0	0	0	0	1	1	0	220	1	1.1	0.9;	% Gorduno
	8	1	0	0	0	0	1	1	0	220	1	1.1	0.9;	% Robbia
	9	1	0	0	0	0	1	1	0	220	1	1.1	0.9;	% Riddes
	10	1	0	0	0	0	1	1	0	220	1	1.1	0.9;	% Serra
	11	1	0	0	0	0	1	1	0	380	1	1.1	0.9;	% Albertville
	12	1	0	0	0	0	1	1	0	380	1	1.1	0.9;	% Villarodin
	13	1	0	0	0	0	1	1	0	220	1	1.1	0.9;	% La Trinite
	14	1	0	0	0	0	1	1	0	220	1	1.1	0.9;	% Lienz
	15	1	0	0	0	0	1	1	0	380	1	1.1	0.9;	% Divaca
	16	2	5500	0	0	0	1	1	0	380	1	1.1	0.9;	% Italy north-west
	17	2	7000	0	0	0	1	1	0	380	1	1.1	0.9;	% Lombardy
	18	2	5000	0	0	0	1	1	0	380	1	1.1	0.9;	% Italy north-east
	19	2	600	0	0	0	1	1	0	220	1	1.1	0.9;	% Liguria
	20	2	9344	0	0	0	1	1	0	380	1	1.1	0.9;	% Italy centre and south
];

% bus Pg Qg Qmax Qmin Vg mBase status Pmax Pmin
mpc.gen = [
	1	206951	0	0	0	1	100	1	235000	0;	% UCTE
	16	4300	0	0	0	1	100	1	4500	0;	% Italy north-west
	17	4600	0	0	0	1	100	1	4800	0;	% Lombardy
	18	3800	0	0	0	1	100	1	3950	0;	% Italy north-east
	19	900	0	0	0	1	100	1	930	0;	% Liguria
	20	6893	0	0	0	1	100	1	7200	0;	% Italy centre and south
];

% fbus tbus r x b rateA rateB rateC ratio angle status angmin angmax
mpc.branch = [
	1	2	0	0.00100	0	0	0	0	0	0	1	-360	360;	% row 1: UCTE - Mettlen, equivalent
	2	3	0	0.02104	0	1550	0	0	0	0	1	-360	360;	% row 2: Mettlen - Lavorgo (Lukmanier) 380 kV, 98 km
	2	4	0	0.01288	0	0	0	0	0	0	1	-360	360;	% row 3: Mettlen - Sils, two circuits, equivalent, 120 km
	4	5	0	0.00859	0	1500	0	0	0	0	1	-360	360;	% row 4: Sils - Soazza (San Bernardino) 380 kV, 40 km
	3	5	0	0.00644	0	1500	0	0	0	0	1	-360	360;	% row 5: Lavorgo - Soazza, equivalent, 30 km
	2	6	0	0.06860	0	330	0	0	0	0	1	-360	360;	% row 6: Mettlen - Airolo (Gotthard) 220 kV, 83 km
	6	3	0	0.01653	0	500	0	0	0	0	1	-360	360;	% row 7: Airolo - Lavorgo 220 kV, 20 km
	3	7	0	0.02066	0	500	0	0	0	0	1	-360	360;	% row 8: Lavorgo - Gorduno 220 kV, 25 km
	3	17	0	0.01567	0	1500	0	0	0	0	1	-360	360;	% row 9: Lavorgo - Musignano 380 kV, 73 km
	5	17	0	0.02039	0	1600	0	0	0	0	1	-360	360;	% row 10: Soazza - Bulciago 380 kV, 95 km
	6	16	0	0.05785	0	290	0	0	0	0	1	-360	360;	% row 11: Airolo - Ponte 220 kV, 40 km
	7	17	0	0.04959	0	290	0	0	0	0	1	-360	360;	% row 12: Gorduno - Mese 220 kV, 35 km
	1	8	0	0.13223	0	0	0	0	0	0	1	-360	360;	% row 13: UCTE - Robbia, equivalent, 120 km
	8	17	0	0.04132	0	290	0	0	0	0	1	-360	360;	% row 14: Robbia - Sondrio 220 kV, 50 km
	1	9	0	0.04959	0	0	0	0	0	0	1	-360	360;	% row 15: UCTE - Riddes, equivalent, 60 km
	9	16	0	0.03719	0	310	0	0	0	0	1	-360	360;	% row 16: Riddes - Avise 220 kV, 45 km
	9	16	0	0.03719	0	310	0	0	0	0	1	-360	360;	% row 17: Riddes - Valpelline 220 kV, 45 km
	1	10	0	0.10744	0	0	0	0	0	0	1	-360	360;	% row 18: UCTE - Serra, equivalent, 90 km
	10	16	0	0.03306	0	310	0	0	0	0	1	-360	360;	% row 19: Serra - Pallanzeno 220 kV, 40 km
	1	11	0	0.01150	0	0	0	0	0	0	1	-360	360;	% row 20: UCTE - Albertville, equivalent
	11	16	0	0.02576	0	1150	0	0	0	0	1	-360	360;	% row 21: Albertville - Rondissone 1, 380 kV, 120 km
	11	16	0	0.02576	0	1150	0	0	0	0	1	-360	360;	% row 22: Albertville - Rondissone 2, 380 kV, 120 km
	11	12	0	0.01717	0	1200	0	0	0	0	1	-360	360;	% row 23: Albertville - Villarodin 380 kV, 80 km
	12	16	0	0.01073	0	1000	0	0	0	0	1	-360	360;	% row 24: Villarodin - Venaus 380 kV, 38 km
	1	13	0	0.11000	0	0	0	0	0	0	1	-360	360;	% row 25: UCTE - La Trinite, equivalent
	13	19	0	0.02479	0	320	0	0	0	0	1	-360	360;	% row 26: La Trinite - Camporosso 220 kV, 30 km
	1	14	0	0.15000	0	0	0	0	0	0	1	-360	360;	% row 27: UCTE - Lienz, equivalent
	14	18	0	0.08264	0	260	0	0	0	0	1	-360	360;	% row 28: Lienz - Soverzene 220 kV, 100 km
	1	15	0	0.06800	0	0	0	0	0	0	1	-360	360;	% row 29: UCTE - Divaca, equivalent
	15	18	0	0.00966	0	1200	0	0	0	0	1	-360	360;	% row 30: Divaca - Redipuglia 380 kV, 45 km
	15	18	0	0.04959	0	320	0	0	0	0	1	-360	360;	% row 31: Divaca - Padriciano 220 kV, 10 km
	16	17	0	0.00300	0	0	0	0	0	0	1	-360	360;	% row 32: Italy north-west - Lombardy, equivalent
	17	18	0	0.00400	0	0	0	0	0	0	1	-360	360;	% row 33: Lombardy - Italy north-east, equivalent
	17	20	0	0.00300	0	0	0	0	0	0	1	-360	360;	% row 34: Lombardy - Italy centre, equivalent
	18	20	0	0.00500	0	0	0	0	0	0	1	-360	360;	% row 35: Italy north-east - Italy centre, equivalent
	16	19	0	0.01000	0	0	0	0	0	0	1	-360	360;	% row 36: Italy north-west - Liguria, equivalent
	19	20	0	0.01200	0	0	0	0	0	0	1	-360	360;	% row 37: Liguria - Italy centre, equivalent
];

% fbus tbus status Pf Pt Qf Qt Vf Vt Pmin Pmax QminF QmaxF QminT QmaxT loss0 loss1
mpc.dcline = [
	1	20	1	300	300	0	0	1	1	0	300	0	0	0	0	0	0;
];

mpc.bus_name = {
	'UCTE';
	'Mettlen';
	'Lavorgo';
	'Sils';
	'Soazza';
	'Airolo';
	'Gorduno';
	'Robbia';
	'Riddes';
	'Serra';
	'Albertville';
	'Villarodin';
	'La Trinite';
	'Lienz';
	'Divaca';
	'Italy north-west';
	'Lombardy';
	'Italy north-east';
	'Liguria';
	'Italy centre and south';
};
